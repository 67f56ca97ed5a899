import { expect, test } from "bun:test";
import type { Channel, Process, StandardStream } from "../../../src/capture/types.ts";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import {
  callsOf,
  channel,
  closed,
  coverageOf,
  exited,
  message,
  messagesOf,
  process,
  request,
  result,
  run,
  SECOND,
  sessionsOf,
  tick,
} from "./build.ts";

const pipe = (inode: number): StandardStream => ({ kind: "pipe", inode });

function streamed(pid: number, output: StandardStream, error: StandardStream): Process {
  return { ...process(pid), streams: [pipe(1), output, error] };
}

/** A pipe with this inode number. */
function piped(inode: number, writer: Process | undefined, reader: Process): Channel {
  return {
    ...channel(`pipe:${inode}`, writer, reader),
    inode,
    isFedBy: (stream) => stream.kind === "pipe" && stream.inode === inode,
  };
}

const client = process(10);

/** A server and its three pipes. */
function server(output: StandardStream, error: StandardStream) {
  const self = streamed(20, output, error);
  const stage = new ExchangeStage({ allJsonrpc: false });
  return {
    self,
    stage,
    in: piped(1, client, self),
    out: piped(2, self, client),
    err: piped(3, self, client),
  };
}

test("copies on standard error are no session, take nobody's answers, and are counted as noise", () => {
  const s = server(pipe(2), pipe(3));
  const texts = [request(1, "tools/list"), result(1, { tools: [] })] as const;
  const out = run(
    [
      message(s.in, 1, texts[0]),
      message(s.err, 2, texts[0]),
      message(s.err, 3, texts[1]),
      message(s.out, 4, texts[1]),
      closed(s.err, 5),
    ],
    s.stage,
  );
  expect(sessionsOf(out).filter(({ event }) => event === "start")).toHaveLength(1);
  expect(messagesOf(out).map((line) => [line.direction, line.flags])).toEqual([
    ["client-to-server", []],
    ["server-to-client", []],
  ]);
  expect(callsOf(out)).toMatchObject([{ outcome: "ok", timeNs: 4 }]);
  expect(coverageOf(out)).toMatchObject([
    { reason: "stderr", count: 1, bytes: texts[0].length + 1, process: { pid: 20 } },
    { reason: "stderr", count: 1, bytes: texts[1].length + 1, timeNs: 3 },
  ]);
  expect(s.stage.noiseBytes).toBe(texts[0].length + texts[1].length + 2);
});

test("an answer that comes on standard error only leaves its call unanswered, and that is why", () => {
  const s = server(pipe(2), pipe(3));
  const out = run(
    [
      message(s.in, 1, request(1, "tools/list")),
      message(s.in, 2, request(2, "tools/list")),
      message(s.err, 3, result(1, { tools: [] })),
      exited(s.self, 4, 0),
      closed(s.in, 5),
      closed(s.err, 6),
      tick(60 * SECOND),
    ],
    s.stage,
  );
  expect(callsOf(out).map(({ outcome }) => outcome)).toEqual(["unanswered", "unanswered"]);
  expect(coverageOf(out)).toMatchObject([
    { reason: "stderr", count: 1 },
    { reason: "stderr_answer", count: 1, process: { pid: 20 }, channel: { id: "pipe:3" } },
  ]);
  expect(s.stage.residue).toBe(0);
});

test.each(["terminal", "file", "null"] as const)(
  "a server whose standard output is a %s cannot be heard, which is said when the run ends",
  (kind) => {
    const s = server({ kind, inode: 7 }, pipe(3));
    run([message(s.in, 1, request(1, "tools/list"))], s.stage);
    expect(coverageOf(s.stage.end())).toMatchObject([
      { reason: `stdout_${kind}`, count: 1, process: { pid: 20 }, channel: { id: "pipe:1" } },
    ]);
  },
);

test("what standard output was given as it is, whatever it is beside that: 2>&1", () => {
  const s = server(pipe(3), pipe(3));
  const out = run(
    [message(s.in, 1, request(1, "tools/list")), message(s.err, 2, result(1, { tools: [] }))],
    s.stage,
  );
  expect(callsOf(out)).toMatchObject([{ outcome: "ok" }]);
});

test("standard error is known by whose it is, when the writer of a message is not", () => {
  const s = server(pipe(2), pipe(3));
  const unknown = piped(3, undefined, client);
  const out = run(
    [message(s.in, 1, request(1, "tools/list")), message(unknown, 2, request(1, "tools/list"))],
    s.stage,
  );
  expect(messagesOf(out)).toHaveLength(1);
  expect(coverageOf(out)).toMatchObject([{ reason: "stderr", process: { pid: 20 } }]);
});

test("standard error of a process that takes part in no session is not spoken of", () => {
  const s = server(pipe(2), pipe(3));
  const out = run([message(s.err, 2, result(1, { tools: [] })), closed(s.err, 3)], s.stage);
  expect([...out, ...s.stage.end()]).toEqual([]);
  expect(s.stage.residue).toBe(0);
});
