import { expect, test } from "bun:test";
import type { ListenOptions } from "../../../src/cli/types.ts";
import { Outputs } from "../../../src/delivery/outputs.ts";
import type { Consumer } from "../../../src/delivery/types.ts";
import type { ExchangeItem, Summary } from "../../../src/exchange/types.ts";
import { BootClock } from "../../../src/live/clock.ts";
import type { HeardKernel } from "../../../src/live/hearing.ts";
import { LiveSession, type SessionParts } from "../../../src/live/session.ts";
import { OutputError, ReaderGone } from "../../../src/sinks/errors.ts";
import { ioRecord } from "../capture/records.ts";
import { FakeKernel, holder } from "./fake-kernel.ts";
import { FakeRing } from "./fake-ring.ts";

const CLIENT = 10;
const SERVER = 20;
const INITIALIZE =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"cli","version":"1"}}}\n';
const INITIALIZED =
  '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"srv","version":"2"}}}\n';

const OPTIONS: ListenOptions = {
  attach: "auto",
  tls: "off",
  filters: { pids: [], comms: [], containers: [], cgroups: [] },
  run: undefined,
  outputs: {
    stdout: "ndjson",
    color: "never",
    files: [],
    quiet: false,
    raw: false,
    redact: false,
    kinds: ["message"],
    filters: { transports: [], methods: [], tools: [], servers: [], hosts: [] },
    verbosity: 0,
  },
  allJsonrpc: false,
  durationMs: undefined,
  maxMessages: undefined,
  failOnLoss: false,
  debug: false,
  ringBytes: 4096,
  maxMessageBytes: 1_000_000,
};

class Recorder implements Consumer {
  readonly kinds: string[] = [];
  summary: Summary | undefined;
  failure: Error | undefined;

  write(items: readonly ExchangeItem[]): void | Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.kinds.push(...items.map(({ kind }) => kind));
  }

  async flush(): Promise<void> {}

  async reopen(): Promise<void> {
    this.kinds.push("reopen");
  }

  async close(summary: Summary): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.summary = summary;
  }
}

function setUp(over: Partial<SessionParts> = {}, maxMessages?: number) {
  const ring = new FakeRing();
  const told: unknown[][] = [];
  const counts = new FakeKernel();
  const kernel: HeardKernel & { ring: FakeRing } = {
    ring,
    entries: counts,
    scan: () => counts.scan().slice(),
    frontEnd: "tracepoint",
    missing: ["pipe_splice"],
    hasTwins: true,
    wantsTwin: false,
    beginTwin: () => undefined,
    advanceTwin: () => "done",
    connections: undefined,
    files: undefined,
    lostCount: () => 0,
    counters: () => ({ unattributedBytes: 0, notesLost: 0, processEventsLost: 0 }),
    detach: () => void told.push(["detach"]),
    endedCount: () => 0,
    firstCopySkips: () => 0,
    follow: (pid) => void told.push(["follow", pid]),
    ignore: (...what) => void told.push(["ignore", ...what]),
    isIgnored: () => false,
    judge: (...what) => void told.push(["judge", ...what]),
    link: (...what) => void told.push(["link", ...what]),
    maySkip: () => false,
    openTls: () => {
      throw new Error("not to be asked for");
    },
    quiet: (...what) => void told.push(["quiet", ...what]),
    releaseBlocked: () => undefined,
    ringFullCount: () => 0,
    skippedRuns: () => 0,
    tellsFiles: true,
    tlsUsers: { at: () => undefined, known: function* () {}, forgetFile: () => undefined },
  };
  const sinks = [new Recorder(), new Recorder()];
  const asked = {
    accepts: () => true,
    gate: undefined,
    countsAsShown: ({ kind }: ExchangeItem) => kind === "message",
    maxMessages,
  };
  const outputs = new Outputs(sinks, asked, undefined);
  const session = new LiveSession({
    kernel,
    options: OPTIONS,
    outputs,
    clock: new BootClock(),
    filtering: false,
    isReaderGone: () => false,
    ...over,
  });
  return { ring, told, session, sinks, [Symbol.dispose]: () => ring[Symbol.dispose]() };
}

/** Reads of two pipes, one each way. */
function conversation(): Buffer[] {
  const read = (text: string, channel: number, tgid: number) =>
    ioRecord({
      kind: 1,
      channel: channel * 4096,
      generation: channel,
      moved: Buffer.byteLength(text),
      startNs: tgid * 1_000,
      timeNs: channel * 1_000,
      tgid,
      comm: `comm${tgid}`,
      payload: text,
    });
  return [read(INITIALIZE, 100, SERVER), read(INITIALIZED, 101, CLIENT)];
}

test("LiveSession makes records into lines of every output, and ends with a summary when told to", async () => {
  using made = setUp();
  const { ring, session, sinks, told } = made;
  for (const record of conversation()) ring.add(record);
  ring.onEmpty = () => session.stop("signal");
  const summary = await session.run();
  expect({
    messages: summary.messages,
    by: summary.endedBy,
    capture: summary.capture,
  }).toMatchObject({
    messages: 2,
    by: "signal",
    capture: { frontEnd: "tracepoint", exact: true },
  });
  for (const { kinds, summary: last } of sinks) {
    expect(kinds.filter((kind) => kind === "message").length).toBe(2);
    // the part of the front end that is missing
    expect(kinds.at(-1)).toBe("coverage");
    expect(last).toBe(summary);
  }
  expect(told).toEqual([["detach"]]);
});

test("LiveSession hears what is in the ring when it is told to end", async () => {
  using made = setUp();
  const { ring, session } = made;
  for (const record of conversation()) ring.add(record);
  session.stop("duration");
  expect(await session.run()).toMatchObject({ messages: 2, endedBy: "duration" });
});

test("LiveSession ends when an output fails, and gives the others a summary", async () => {
  using made = setUp();
  const { ring, session, sinks } = made;
  const failure = new OutputError("Cannot write", { path: "x" });
  if (sinks[0]) sinks[0].failure = failure;
  for (const record of conversation()) ring.add(record);
  expect(await session.run().catch((error: unknown) => error)).toBe(failure);
  expect(sinks[1]?.summary?.endedBy).toBe("output_failed");
});

test("LiveSession ends without an error when an output's reader goes", async () => {
  using made = setUp();
  const { ring, session, sinks } = made;
  if (sinks[0]) sinks[0].failure = new ReaderGone();
  for (const record of conversation()) ring.add(record);
  expect((await session.run()).endedBy).toBe("reader_gone");
  expect(sinks[1]?.summary?.endedBy).toBe("reader_gone");
});

test("LiveSession ends when nobody reads standard output, though nothing is heard", async () => {
  using made = setUp({ isReaderGone: () => true });
  expect((await made.session.run()).endedBy).toBe("reader_gone");
});

test("LiveSession ends with the last message that is asked for", async () => {
  using made = setUp({}, 1);
  const { ring, session, sinks } = made;
  for (const record of conversation()) ring.add(record);
  expect((await session.run()).endedBy).toBe("max_messages");
  expect(sinks[0]?.kinds.filter((kind) => kind === "message").length).toBe(1);
});

test.each([
  [
    false,
    [
      [1, 11],
      [2, 12],
    ],
  ],
  [true, [[2, 12]]],
])("LiveSession keeps its own pipes out; standard output unused: %p", (isStdoutUnused, ignored) => {
  using made = setUp();
  const own = { pid: process.pid, mayRead: false, mayWrite: true };
  const holders = [
    holder({ ...own, channel: 1, generation: 11, fd: 1 }),
    holder({ ...own, channel: 2, generation: 12, fd: 5 }),
    holder({ ...own, channel: 3, generation: 13, fd: 6, kind: "unix-stream" }),
    holder({ channel: 4, generation: 14 }),
  ];
  made.session.discover({ holders, halfWritten: new Set(), isStdoutUnused });
  expect(made.told).toEqual(ignored.map((each) => ["ignore", ...each, true]));
});

test("LiveSession opens its outputs anew when asked to", async () => {
  using made = setUp();
  await made.session.reopen();
  expect(made.sinks.map(({ kinds }) => kinds)).toEqual([["reopen"], ["reopen"]]);
});
