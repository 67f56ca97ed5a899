import { expect, test } from "bun:test";
import type { Effect } from "../../../src/effects/types.ts";
import { SummaryCollector } from "../../../src/exchange/summary.ts";
import type { CallLine, EffectLine } from "../../../src/exchange/types.ts";
import { asFields } from "../../../src/replay/fields.ts";
import { RecordedClock } from "../../../src/replay/recorded-time.ts";
import { ReplayRun } from "../../../src/replay/replay-run.ts";
import { chooseColors } from "../../../src/sinks/color.ts";
import { ConsoleLineRenderer } from "../../../src/sinks/console-line.ts";
import { renderConsoleSummary } from "../../../src/sinks/console-summary.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import { connection, SNI } from "./connection-items.ts";
import { callAnswer, callRequest, clock, process, session, summary, TIME_NS } from "./items.ts";
import { assertNdjson } from "./validate.ts";

const ndjson = new NdjsonRenderer({ clock, raw: true, redactor: undefined });
const at = { timeNs: TIME_NS, candidates: [] as readonly string[] };
const exit = { timeNs: TIME_NS + 12_000_000, code: 128, signal: undefined };
const git = process({ pid: 90, comm: "git", exit });
const closed = connection({ outcome: "refused", errno: "ECONNREFUSED", latencyMs: undefined });
const lookup = connection({
  protocol: "udp",
  socketType: "dgram",
  remote: { address: "10.0.0.53", port: 53 },
});

const EFFECTS: readonly Effect[] = [
  { ...at, kind: "exec", process: git, argv: ["/usr/bin/git", "clone", "x\u001b"] },
  { ...at, kind: "fork", process: git, child: process({ pid: 91 }) },
  { ...at, kind: "connect", process: git, connection: connection({ names: [SNI] }) },
  { ...at, kind: "connect", process: git, connection: lookup },
  { ...at, kind: "connect", process: git, connection: closed, candidates: ["7", '"x"'] },
  { ...at, kind: "file", process: git, file: { change: "rename", path: "/a", to: "/b" } },
  { ...at, kind: "file", process: git, file: { change: "create", path: "/c", to: undefined } },
];

const request = callRequest();
const answer = { ...callAnswer(), effects: EFFECTS };
const call: CallLine = {
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
  timeNs: answer.message.frame.timeNs,
  durationMs: answer.durationMs,
  serverMs: answer.serverMs,
  effects: EFFECTS,
};
const late: EffectLine = {
  kind: "effect",
  session: session(),
  idText: "7",
  method: "tools/call",
  target: "get_weather",
  effect: EFFECTS[0] ?? { ...at, kind: "exec", process: git, argv: [] },
  timeNs: TIME_NS,
};

test("NdjsonRenderer writes what a call caused as the contract has it", () => {
  const [line, after] = assertNdjson([ndjson.item(call), ndjson.item(late)]);
  const head = { timestamp: "2026-11-20T12:34:56.789012Z", pid: 90, comm: "git" };
  const exec = {
    kind: "exec",
    ...head,
    argv: ["/usr/bin/git", "clone", "x\u001b"],
    exit: { code: 128, signal: null },
    duration_ms: 12,
  };
  const connect = { kind: "connect", ...head, connection: "c:17", protocol: "tcp" };
  expect(line?.["effects"]).toEqual([
    exec,
    { kind: "fork", ...head, child_pid: 91 },
    { ...connect, destination: "api.github.com:443", outcome: "established", latency_ms: 12 },
    {
      ...connect,
      protocol: "udp",
      destination: "10.0.0.53:53",
      outcome: "established",
      latency_ms: 12,
    },
    {
      ...connect,
      destination: "140.82.121.6:443",
      outcome: "refused",
      errno: "ECONNREFUSED",
      candidates: [7, "x"],
    },
    { kind: "file", ...head, change: "rename", path: "/a", to: "/b" },
    { kind: "file", ...head, change: "create", path: "/c" },
  ]);
  expect(after).toEqual({
    kind: "effect",
    timestamp: head.timestamp,
    session: "s1",
    id: 7,
    method: "tools/call",
    target: "get_weather",
    effect: exec,
  });
});

function consoleLines(quiet = false): ConsoleLineRenderer {
  return new ConsoleLineRenderer({
    clock,
    colors: chooseColors("never", false, { NO_COLOR: undefined, TERM: undefined }),
    redactor: undefined,
    columns: () => 120,
    quiet,
  });
}

test("ConsoleLineRenderer shows below an answer what its call caused, programs and connections first", () => {
  const [, ...under] = consoleLines().render(answer).trimEnd().split("\n");
  expect(under.map((line) => line.trim())).toEqual([
    "↳ exec /usr/bin/git clone x\\x1b exit 128 after 12.0 ms",
    "↳ fork 91",
    "↳ connect api.github.com:443 ok 12.0 ms",
    "↳ rename /a → /b",
    "↳ create /c",
    '↳ connect 140.82.121.6:443 refused ECONNREFUSED (of one of the calls 7, "x")',
  ]);
});

test("ConsoleLineRenderer shows only what failed when it is to be quiet, and counts what is too much", () => {
  expect(
    consoleLines(true)
      .render(answer)
      .trim()
      .split("\n")
      .map((line) => line.trim().slice(0, 10)),
  ).toEqual(["↳ exec /us", "↳ connect "]);
  const many = { ...answer, effects: Array.from({ length: 50 }, () => EFFECTS[1] ?? late.effect) };
  const shown = consoleLines().render(many).trimEnd().split("\n");
  expect([shown.length, shown.at(-1)?.trim()]).toEqual([22, "↳ and 30 more"]);
});

test("ConsoleLineRenderer names the call of what comes after it", () => {
  expect(consoleLines().render(late)).toContain(
    "LATE tools/call get_weather ↳ exec /usr/bin/git clone",
  );
});

test("a replay has what a call caused again, on its answer and on its line", () => {
  const recorded = [request, { ...answer, effects: undefined }, call, late].map((item) =>
    ndjson.item(item),
  );
  const recordedClock = new RecordedClock();
  const run = new ReplayRun(recordedClock, false);
  const taken: unknown[] = [];
  const again = new NdjsonRenderer({ clock: recordedClock, raw: true, redactor: undefined });
  for (const line of recorded) {
    run.push(asFields(JSON.parse(line)) ?? {});
    // as few at a time as there may be
    for (const item of run.take())
      taken.push(item.kind === "session" ? "session" : again.item(item));
  }
  run.end();
  const [start, asked, said, called, after] = taken;
  expect(start).toBe("session");
  expect([asked, said].map((line) => String(line).includes('"kind":"message"'))).toEqual([
    true,
    true,
  ]);
  const effectsOf = (line: unknown) =>
    typeof line === "string" ? asFields(JSON.parse(line))?.["effects"] : undefined;
  expect(effectsOf(called)).toEqual(asFields(JSON.parse(recorded[2] ?? ""))?.["effects"]);
  // of the session that the replay has made of the recorded one
  expect(after).toBe(recorded[3]?.replace('"session":"s1"', '"session":"pipe:4711"'));
  const [row] = run.summary("end_of_input").calls;
  expect(row).toMatchObject({ programs: { git: 2 }, reached: { "api.github.com:443": 1 } });
  expect(run.counts.malformed).toBe(0);
});

test("SummaryCollector counts programs and destinations by tool, and leaves out what may be of another call", () => {
  const ends = { noiseBytes: 0, httpBytes: 0, skippedBytes: 0, openCalls: () => [] };
  const collector = new SummaryCollector(ends, { startNs: 0, replay: false });
  collector.observe([call, call, late, { ...late, target: "never-called" }]);
  const made = collector.make(undefined, "signal", 1);
  expect(made.calls).toEqual([
    expect.objectContaining({
      calls: 2,
      programs: { git: 3 },
      reached: { "api.github.com:443": 2 },
    }),
  ]);
  const colors = chooseColors("never", false, { NO_COLOR: undefined, TERM: undefined });
  const options = { colors, mask: (text: string) => text, quiet: false, columns: 120 };
  const text = renderConsoleSummary(summary({ calls: made.calls }), options);
  expect(text).toContain("get_weather: ran git 3; reached api.github.com:443 2");
});
