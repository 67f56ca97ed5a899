import { expect, test } from "bun:test";
import { ConnectionCounts } from "../../../src/exchange/connection-statistics.ts";
import { SummaryCollector } from "../../../src/exchange/summary.ts";
import { asFields } from "../../../src/replay/fields.ts";
import { RecordedClock } from "../../../src/replay/recorded-time.ts";
import { ReplayRun } from "../../../src/replay/replay-run.ts";
import { chooseColors } from "../../../src/sinks/color.ts";
import { ConsoleLineRenderer } from "../../../src/sinks/console-line.ts";
import { renderConsoleSummary } from "../../../src/sinks/console-summary.ts";
import { itemFilter } from "../../../src/sinks/filter.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import { connectionLine, SNI } from "./connection-items.ts";
import { CAPTURE, clock, process, summary } from "./items.ts";
import { assertNdjson } from "./validate.ts";

const ndjson = new NdjsonRenderer({ clock, raw: false, redactor: undefined });
const server = process({ pid: 99, comm: "nginx", commandLine: ["nginx"] });

const LINES = [
  connectionLine("start", { names: [SNI] }),
  connectionLine("end", {
    outcome: "closed",
    closedBy: "remote",
    sentBytes: 812,
    receivedBytes: 5120,
  }),
  connectionLine("end", {
    id: "c:18",
    outcome: "refused",
    errno: "ECONNREFUSED",
    establishedNs: undefined,
    latencyMs: undefined,
  }),
  connectionLine("open", {
    id: "c:19",
    openBefore: true,
    process: undefined,
    direction: "accepted",
    peer: server,
  }),
  connectionLine("start", {
    id: "c:20",
    protocol: "unix",
    family: "unix",
    path: "@/tmp/\u001bx",
    local: undefined,
    remote: undefined,
    latencyMs: undefined,
    peer: server,
  }),
  connectionLine("start", {
    id: "c:21",
    protocol: "udp",
    socketType: "dgram",
    family: "inet6",
    latencyMs: undefined,
  }),
];

test("NdjsonRenderer writes connections as the contract has them", () => {
  const [first, second] = assertNdjson(LINES.map((line) => ndjson.item(line)));
  expect(first).toEqual({
    kind: "connection",
    timestamp: "2026-11-20T12:34:56.789012Z",
    event: "start",
    connection: "c:17",
    direction: "outgoing",
    protocol: "tcp",
    family: "inet",
    socket_type: "stream",
    process: {
      pid: 12345,
      start_time: "2026-11-20T12:00:01.000000Z",
      comm: "python",
      command_line: ["python", "client.py"],
    },
    local: { address: "10.0.0.5", port: 41234 },
    remote: { address: "140.82.121.6", port: 443 },
    names: [{ name: "api.github.com", source: "sni", seen: "2026-11-20T12:34:56.789012Z" }],
    start: "2026-11-20T12:34:56.489012Z",
    established: "2026-11-20T12:34:56.501012Z",
    open_before: false,
    outcome: "established",
    latency_ms: 12,
    sent_bytes: 0,
    received_bytes: 0,
  });
  expect(second).toMatchObject({ duration_ms: 300, closed_by: "remote", sent_bytes: 812 });
});

test("a replay of connection lines writes the same lines", () => {
  const recorded = LINES.map((line) => ndjson.item(line));
  const recordedClock = new RecordedClock();
  const run = new ReplayRun(recordedClock, false);
  for (const line of recorded) {
    const fields = asFields(JSON.parse(line));
    if (fields !== undefined) run.push(fields);
  }
  run.end();
  const again = new NdjsonRenderer({ clock: recordedClock, raw: false, redactor: undefined });
  expect(run.take().map((item) => again.item(item))).toEqual(recorded);
  expect(run.counts).toMatchObject({ malformed: 0, unknown: 0 });
  expect(run.summary("end_of_input").connections).toMatchObject({ attempts: 5, open: 3 });
});

test.each([{}, { event: "begin" }, { outcome: "odd" }, { protocol: 7 }, { start: "yesterday" }])(
  "a replay counts a connection line that makes no sense: %p",
  (over) => {
    const run = new ReplayRun(new RecordedClock(), false);
    const line = asFields({ ...JSON.parse(ndjson.item(connectionLine("start"))), ...over });
    const empty = { kind: "connection", timestamp: "2026-11-20T12:34:56.789012Z" };
    run.push(Object.keys(over).length === 0 ? empty : (line ?? {}));
    expect([run.counts.malformed, run.take()]).toEqual([1, []]);
  },
);

function shown(line: (typeof LINES)[number], columns = 160, quiet = false): string {
  const renderer = new ConsoleLineRenderer({
    clock,
    colors: chooseColors("never", false, { NO_COLOR: undefined, TERM: undefined }),
    redactor: undefined,
    columns: () => columns,
    quiet,
  });
  // the time is the terminal's own
  return renderer.render(line).slice(13).replaceAll(/ +/g, " ").trimEnd();
}

test("ConsoleLineRenderer shows who connects where, and what became of it", () => {
  expect(LINES.map((line) => shown(line))).toEqual([
    "client.py[12345] → api.github.com:443 CONN tcp established 12.0 ms",
    "client.py[12345] → 140.82.121.6:443 CONN tcp closed by remote after 300 ms, 812 bytes sent, 5.1 kB received",
    "client.py[12345] → 140.82.121.6:443 CONN tcp refused ECONNREFUSED after 300 ms",
    "nginx[99] → 10.0.0.5:41234 ? CONN tcp established since before, 0 bytes sent, 0 bytes received",
    "client.py[12345] → @/tmp/\\x1bx nginx[99] CONN unix established",
    "client.py[12345] → 140.82.121.6:443 CONN udp established",
  ]);
});

test("ConsoleLineRenderer shows only connections that failed when it is to be quiet", () => {
  expect(LINES.filter((line) => shown(line, 160, true) !== "")).toEqual(
    [LINES[2]].flatMap((each) => each ?? []),
  );
});

test.each([
  [{ destinations: ["*.github.com"] }, [0]],
  [{ destinations: ["140.82.*"] }, [0, 1, 2, 3, 5]],
  [{ destinations: ["@/tmp/*"] }, [4]],
  [{ ports: [443] }, [0, 1, 2, 5]],
  [{ ports: [41_234] }, [3]],
  [{ protocols: ["unix", "udp"] as const }, [4, 5]],
  [{ outcomes: ["failure"] as const }, [2]],
  [{ outcomes: ["closed", "refused"] as const }, [1, 2]],
  [{ ports: [443], outcomes: ["closed"] as const }, [1]],
])("itemFilter with %p lets %p pass", (over, expected) => {
  const connections = { destinations: [], ports: [], protocols: [], outcomes: [], ...over };
  const none = { transports: [], methods: [], tools: [], servers: [], hosts: [] };
  const accepts = itemFilter({ ...none, kinds: ["connection"], connections });
  expect(LINES.flatMap((line, index) => (accepts(line) ? [index] : []))).toEqual(expected);
});

test("ConnectionCounts sums up by process and destination, each connection once", () => {
  const counts = new ConnectionCounts();
  for (let index = 0; index < 23; index++) {
    const id = `c:${index}`;
    const latencyMs = index + 1;
    counts.add(connectionLine("start", { id, latencyMs, names: [SNI] }));
    if (index === 22) counts.add(connectionLine("open", { id, latencyMs, names: [SNI] }));
    else
      counts.add(
        connectionLine("end", { id, outcome: "closed", sentBytes: 10, receivedBytes: 100 }),
      );
  }
  const refused = { outcome: "refused", errno: "ECONNREFUSED", latencyMs: undefined } as const;
  for (const id of ["c:50", "c:51"]) counts.add(connectionLine("end", { id, ...refused }));
  const rows = counts.totals()?.rows;
  expect(counts.totals()).toMatchObject({ attempts: 25, failures: { refused: 2 }, open: 1 });
  expect(rows).toEqual([
    {
      process: "client.py",
      direction: "outgoing",
      protocol: "tcp",
      destination: "api.github.com:443",
      attempts: 23,
      failures: {},
      sentBytes: 220,
      receivedBytes: 2200,
      p50Ms: expect.closeTo(12, 0),
      p95Ms: expect.closeTo(22, 0),
    },
    {
      process: "client.py",
      direction: "outgoing",
      protocol: "tcp",
      destination: "140.82.121.6:443",
      attempts: 2,
      failures: { refused: 2 },
      sentBytes: 0,
      receivedBytes: 0,
      p50Ms: undefined,
      p95Ms: undefined,
    },
  ]);
});

test("ConnectionCounts is bounded, however many destinations there are", () => {
  const counts = new ConnectionCounts();
  for (let index = 0; index < 20_000; index++) {
    const remote = { address: `10.0.${index >> 8}.${index & 255}`, port: 80 };
    counts.add(connectionLine("end", { id: `c:${index}`, outcome: "closed", remote }));
  }
  const totals = counts.totals();
  expect([totals?.attempts, totals?.open, totals?.rows.length]).toEqual([20_000, 0, 10_001]);
  expect(totals?.rows[0]).toMatchObject({ destination: "(other)", attempts: 10_000 });
});

test("renderConsoleSummary and the summary line tell of connections, and of what was missed", () => {
  const counts = new ConnectionCounts();
  counts.add(connectionLine("end", { outcome: "refused", latencyMs: undefined }));
  const connections = { eventsLost: 3, unseen: 0, skippedRuns: 1 };
  const over = { connections: counts.totals(), messages: 0, capture: { ...CAPTURE, connections } };
  const colors = chooseColors("never", false, { NO_COLOR: undefined, TERM: undefined });
  const options = { colors, mask: (text: string) => text, quiet: false, columns: 120 };
  const text = renderConsoleSummary(summary({ ...over, calls: [] }), options);
  expect(text).toContain("attempts  1, 1 refused, 0 open");
  expect(text).toMatch(/client\.py +→ +140\.82\.121\.6:443 +tcp +1 +1 /);
  expect(text).toContain(
    "3 events of connections lost, 0 without an entry, up to 1 skipped program run",
  );
  const [line] = assertNdjson([ndjson.summary(summary(over))]);
  expect(line).toMatchObject({
    connection_events_lost: 3,
    connections: { attempts: 1, failures: { refused: 1 }, by_destination: [{ attempts: 1 }] },
  });
});

test("renderConsoleSummary and the summary line say how many attempts filters left", () => {
  const counts = new ConnectionCounts();
  counts.add(connectionLine("end", { outcome: "refused", latencyMs: undefined }));
  const counted = {
    messages: 0,
    messageBytes: 0,
    calls: [],
    callsFinished: 0,
    callsUnanswered: 0,
    openCalls: [],
  };
  const colors = chooseColors("never", false, { NO_COLOR: undefined, TERM: undefined });
  const options = { colors, mask: (text: string) => text, quiet: false, columns: 120 };
  const heard = { ...counts.totals(), attempts: 23, failures: {}, open: 0, rows: [] };
  const texts = [counts.totals(), undefined].map((connections) => {
    const shown = { ...counted, connections };
    const over = summary({ connections: heard, messages: 0, calls: [], shown });
    const [line] = assertNdjson([ndjson.summary(over)]);
    expect(line).toMatchObject({
      connections: { attempts: 23 },
      shown: { messages: 0, ...(connections === undefined ? {} : { attempts: 1 }) },
    });
    return renderConsoleSummary(over, options);
  });
  expect(texts[0]).toContain("attempts  23, none failed, 0 open\nshown     1 of these\n");
  expect(texts[0]).toContain("140.82.121.6:443");
  expect(texts[1]).toContain("\nshown     0 of these\n");
});

test.each([true, false])("SummaryCollector counts connections when they are shown: %p", (shows) => {
  const ends = { noiseBytes: 0, httpBytes: 0, skippedBytes: 0, openCalls: () => [] };
  const run = { startNs: 0, replay: false, showsConnections: shows };
  const collector = new SummaryCollector(ends, run);
  collector.observe([connectionLine("start")]);
  expect(collector.make(undefined, "signal", 1).connections?.attempts).toBe(shows ? 1 : undefined);
});
