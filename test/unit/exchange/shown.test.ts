import { expect, test } from "bun:test";
import { ShownCounts } from "../../../src/exchange/shown.ts";
import type { CallLine, ExchangeItem, OpenCall } from "../../../src/exchange/types.ts";
import { itemFilter, openCallFilter } from "../../../src/sinks/filter.ts";
import { connectionLine } from "../sinks/connection-items.ts";
import {
  callAnswer,
  callRequest,
  loss,
  session,
  sessionLine,
  summary,
  TIME_NS,
} from "../sinks/items.ts";

const weather = session({ serverInfo: { name: "weather", version: undefined } });
const files = session({ id: "s2", serverInfo: { name: "files", version: undefined } });

function call(of: typeof weather, over: Partial<CallLine> = {}): CallLine {
  const request = { ...callRequest(), session: of };
  return {
    kind: "call",
    session: of,
    direction: "client-to-server",
    request: request.message,
    response: callAnswer().message,
    method: "tools/call",
    target: "get_weather",
    outcome: "ok",
    chain: undefined,
    progressCount: 0,
    logCount: 0,
    timeNs: TIME_NS,
    durationMs: 20,
    serverMs: 19,
    ...over,
  };
}

const open = (of: typeof weather): OpenCall => ({
  session: of,
  method: "tools/call",
  target: "get_weather",
  idText: "9",
  sinceNs: TIME_NS,
});

const NONE = { kinds: [], transports: [], methods: [], tools: [], servers: [], hosts: [] };
const KINDS = ["message", "call", "effect", "session", "connection", "loss"] as const;

function counts(over: Partial<Parameters<typeof itemFilter>[0]>): ShownCounts {
  const options = { ...NONE, ...over };
  return new ShownCounts({
    accepts: itemFilter({ ...options, kinds: KINDS }),
    acceptsOpen: openCallFilter(options),
  });
}

const ITEMS: readonly ExchangeItem[] = [
  { ...callRequest(), session: weather },
  { ...callAnswer(), session: weather },
  { ...callRequest(), session: files },
  call(weather),
  call(weather, { response: undefined, outcome: "unanswered", durationMs: undefined }),
  call(files),
  sessionLine({ session: weather }),
  connectionLine("start"),
  loss(),
];

test("ShownCounts adds up what a filter of servers lets pass, and nothing else", () => {
  const shown = counts({ servers: ["weather"] });
  shown.observe(ITEMS);
  const made = shown.make(summary({ openCalls: [open(weather), open(files)] }));
  const [row] = made.calls;
  expect(row).toMatchObject({ server: "weather", target: "get_weather", calls: 2, errors: 0 });
  expect({ ...made, calls: made.calls.length, openCalls: made.openCalls.length }).toEqual({
    messages: 2,
    messageBytes: callRequest().message.bytes + callAnswer().message.bytes,
    calls: 1,
    callsFinished: 1,
    callsUnanswered: 1,
    openCalls: 1,
    connections: undefined,
  });
});

test("ShownCounts adds up connections where the summary has them", () => {
  const filters = { destinations: [], ports: [], protocols: [], outcomes: [] };
  const shown = counts({ connections: { ...filters, ports: [1] } });
  const all = counts({ connections: filters });
  for (const each of [shown, all]) each.observe([connectionLine("start")]);
  const totals = { attempts: 1, failures: {}, open: 1, rows: [] };
  const heard = summary({ connections: totals });
  expect([shown, all].map((each) => each.make(heard).connections?.attempts)).toEqual([
    undefined,
    1,
  ]);
});

test.each([
  [{ methods: ["tools/*"] }, 1],
  [{ tools: ["get_time"] }, 0],
  [{ hosts: ["example.com"] }, 0],
  [{ transports: ["http"] as const }, 0],
  [{ transports: ["stdio"] as const, servers: ["weather"] }, 1],
])("openCallFilter with %o lets %d of 1 pass", (over, passed) => {
  expect([open(weather)].filter(openCallFilter({ ...NONE, ...over }))).toHaveLength(passed);
});
