import { describe, expect, test } from "bun:test";
import type { Connection } from "../../../src/connections/types.ts";
import type { Effect } from "../../../src/effects/types.ts";
import { RecordedClock } from "../../../src/replay/recorded-time.ts";
import { ReplayRun } from "../../../src/replay/replay-run.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import { recordedLines } from "../../../src/store/recorded-lines.ts";
import { RUNS as HTTP_RUNS } from "../replay/http-runs.ts";
import { record, RUNS as STDIO_RUNS } from "../replay/stdio-runs.ts";
import { callAnswer, callRequest, client, process, server, TIME_NS } from "../sinks/items.ts";
import { TestHistory } from "./history.ts";

/** Lines in; what a replay shows of them out, and what becomes of it when it goes through a database. */
function replayBoth(lines: readonly string[]): { direct: string[]; stored: string[] } {
  const clock = new RecordedClock();
  const run = new ReplayRun(clock, false);
  using history = new TestHistory({ clock, isReplay: true });
  const renderer = new NdjsonRenderer({ clock, raw: true, redactor: undefined });
  const direct: string[] = [];
  const keep = () => {
    const items = run.take();
    direct.push(...items.map((item) => renderer.item(item)));
    history.store(items);
  };
  for (const line of lines) {
    run.push(JSON.parse(line));
    keep();
  }
  run.end();
  keep();
  history.end();
  return { direct, stored: history.read((db) => replay(recordedLines(db))) };
}

function replay(lines: Iterable<Readonly<Record<string, unknown>>>): string[] {
  const clock = new RecordedClock();
  const run = new ReplayRun(clock, false);
  const renderer = new NdjsonRenderer({ clock, raw: true, redactor: undefined });
  const out: string[] = [];
  for (const line of lines) {
    run.push(line);
    out.push(...run.take().map((item) => renderer.item(item)));
  }
  run.end();
  out.push(...run.take().map((item) => renderer.item(item)));
  expect(run.counts).toMatchObject({ malformed: 0, unknown: 0, rebuilt: 0 });
  return out;
}

/** What stands for an effect of a call in the tests. */
const git = process({ pid: 77, comm: "git" });
const connection: Connection = {
  id: "c:1",
  process: server,
  direction: "outgoing",
  protocol: "tcp",
  family: "inet6",
  socketType: "stream",
  local: { address: "::1", port: 40_000 },
  remote: { address: "::1", port: 443 },
  path: undefined,
  peer: client,
  startNs: TIME_NS,
  openBefore: false,
  outcome: "established",
  errno: undefined,
  establishedNs: TIME_NS + 2e6,
  latencyMs: 2,
  endNs: undefined,
  sentBytes: 0,
  receivedBytes: 0,
  closedBy: undefined,
  names: [{ name: "api.example.com", source: "sni", timeNs: TIME_NS + 3e6 }],
};

describe("recordedLines", () => {
  test.each(Object.entries(STDIO_RUNS))(
    "recordedLines gives what NDJSON gives, over pipes: %s",
    (_, make) => {
      const { direct, stored } = replayBoth(record(make().items));
      expect(direct.length).toBeGreaterThan(3);
      expect(stored).toEqual(direct);
    },
  );

  test.each(Object.entries(HTTP_RUNS))(
    "recordedLines gives what NDJSON gives, over HTTP: %s",
    (_, make) => {
      const { direct, stored } = replayBoth(make());
      expect(direct.length).toBeGreaterThan(3);
      expect(stored).toEqual(direct);
    },
  );

  test("recordedLines gives connections as they were when each of their lines was written", () => {
    using history = new TestHistory();
    const ended: Connection = {
      ...connection,
      outcome: "reset",
      errno: "ECONNRESET",
      endNs: TIME_NS + 9e6,
      sentBytes: 5,
      receivedBytes: 7,
      closedBy: "remote",
    };
    history.store([
      { kind: "connection", event: "start", connection, timeNs: TIME_NS + 2e6 },
      { kind: "connection", event: "end", connection: ended, timeNs: TIME_NS + 9e6 },
    ]);
    const ends = {
      process: { pid: 12346, comm: "python", command_line: ["python", "weather.py"] },
      peer: { pid: 12345 },
      local: { address: "::1", port: 40_000 },
      remote: { address: "::1", port: 443 },
    };
    const common = {
      kind: "connection",
      connection: "c:1",
      direction: "outgoing",
      protocol: "tcp",
      family: "inet6",
      socket_type: "stream",
      ...ends,
      start: "2026-11-20T12:34:56.789012Z",
      established: "2026-11-20T12:34:56.791012Z",
      open_before: false,
      latency_ms: 2,
    };
    const lines = history.read((db) => [...recordedLines(db)]);
    expect(lines).toMatchObject([
      {
        ...common,
        event: "start",
        timestamp: "2026-11-20T12:34:56.791012Z",
        outcome: "established",
        sent_bytes: 0,
        received_bytes: 0,
      },
      {
        ...common,
        event: "end",
        timestamp: "2026-11-20T12:34:56.798012Z",
        names: [{ name: "api.example.com", source: "sni", seen: "2026-11-20T12:34:56.792012Z" }],
        outcome: "reset",
        errno: "ECONNRESET",
        duration_ms: 9,
        sent_bytes: 5,
        received_bytes: 7,
        closed_by: "remote",
      },
      { kind: "summary" },
    ]);
    const [start] = lines;
    expect(
      ["names", "errno", "duration_ms", "closed_by"].filter((key) => key in (start ?? {})),
    ).toEqual([]);
  });

  test("recordedLines puts what a call caused on its line, and what came later on lines of its own", () => {
    using history = new TestHistory();
    const request = callRequest();
    const answer = callAnswer();
    const at = { timeNs: TIME_NS, candidates: [], process: server };
    const effects: readonly Effect[] = [
      { ...at, kind: "exec", process: git, argv: ["git", "clone"], candidates: ["7", '"b"'] },
      { ...at, kind: "fork", child: git },
      { ...at, kind: "connect", connection },
      { ...at, kind: "file", file: { change: "rename", path: "/a", to: "/b" } },
    ];
    const late: Effect = {
      ...at,
      kind: "file",
      file: { change: "unlink", path: "/b", to: undefined },
    };
    const call = {
      kind: "call",
      session: request.session,
      direction: "client-to-server",
      request: request.message,
      response: answer.message,
      method: "tools/call",
      target: "get_weather",
      outcome: "ok",
      chain: undefined,
      progressCount: 0,
      logCount: 0,
      timeNs: TIME_NS + 1e6,
      durationMs: 1,
      serverMs: 1,
      effects,
    } as const;
    history.store([request, answer, call]);
    git.exit = { timeNs: TIME_NS + 4e6, code: 3, signal: undefined };
    const { session, method, target } = call;
    const timeNs = TIME_NS + 5e6;
    history.store([{ kind: "effect", session, idText: "7", method, target, effect: late, timeNs }]);
    const lines = history.read((db) => [...recordedLines(db)]);
    const base = { timestamp: "2026-11-20T12:34:56.789012Z", pid: 12346, comm: "python" };
    const of = { session: "s1", id: 7, method: "tools/call", target: "get_weather" };
    expect(lines.map(({ kind }) => kind)).toEqual([
      "message",
      "message",
      "call",
      "effect",
      "summary",
    ]);
    expect(lines[2]).toEqual({
      kind: "call",
      timestamp: "2026-11-20T12:34:56.790012Z",
      ...of,
      effects: [
        {
          ...base,
          kind: "exec",
          pid: 77,
          comm: "git",
          argv: ["git", "clone"],
          exit: { code: 3, signal: null },
          duration_ms: 4,
          candidates: [7, "b"],
        },
        { ...base, kind: "fork", child_pid: 77 },
        {
          ...base,
          kind: "connect",
          connection: "c:1",
          protocol: "tcp",
          destination: "api.example.com:443",
          outcome: "established",
          latency_ms: 2,
        },
        { ...base, kind: "file", change: "rename", path: "/a", to: "/b" },
      ],
    });
    expect(lines[3]).toEqual({
      kind: "effect",
      timestamp: "2026-11-20T12:34:56.789012Z",
      ...of,
      effect: { ...base, kind: "file", change: "unlink", path: "/b" },
    });
  });
});
