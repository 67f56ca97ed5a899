import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Connection } from "../../../src/connections/types.ts";
import type { Effect } from "../../../src/effects/types.ts";
import type { CallLine } from "../../../src/exchange/types.ts";
import type {
  CallFilter,
  CallRecord,
  ConnectionFilter,
  History,
} from "../../../src/store/types.ts";
import { TestHistory } from "./history.ts";
import { traffic } from "./traffic.ts";

const HOUR_NS = 3_600_000_000_000;
/** Of the made-up clock: boot was at 2026-11-20T12:00:00Z. */
const BOOT_MS = 1_795_176_000_000;
const START_NS = 10 * HOUR_NS;

type HeardCall = CallLine & { readonly effects?: readonly Effect[] | undefined };

/** Everything that was heard, as the tests know it without the store. */
const heard: {
  calls: HeardCall[];
  connections: Map<string, Connection>;
  sessions: Set<string>;
} = {
  calls: [],
  connections: new Map(),
  sessions: new Set(),
};

const history = new TestHistory({ segmentBytes: 1 << 20 });
for (const items of traffic({
  calls: 3000,
  startNs: START_NS,
  lastsNs: 5 * HOUR_NS,
  sessions: 20,
})) {
  history.store(items);
  for (const item of items) {
    if (item.kind === "call") heard.calls.push(item);
    if (item.kind === "connection") heard.connections.set(item.connection.id, item.connection);
    if (item.kind === "session") heard.sessions.add(item.session.id);
  }
}
const reader: History & Disposable = history.reader();

afterAll(() => {
  reader[Symbol.dispose]();
  history[Symbol.dispose]();
});

const timeOf = (ns: number) => BOOT_MS + ns / 1e6;
const startOf = (call: CallLine) => timeOf(call.request.frame.sentNs ?? call.request.frame.timeNs);
/** What tells a call from all others: its id, which the traffic never uses twice. */
const keyOf = (call: CallLine) => `${call.request.idText}`;

/** Pages of `size` one after the other. */
function allPages<Item extends { readonly row: number }>(
  ask: (before: number | undefined) => { readonly items: readonly Item[]; readonly more: boolean },
): readonly Item[] {
  const items: Item[] = [];
  for (let before: number | undefined; ; ) {
    const page = ask(before);
    items.push(...page.items);
    before = page.items.at(-1)?.row;
    if (!page.more || before === undefined) return items;
  }
}

/** By the id text of the request, which its first message holds. */
function idTextOf(record: CallRecord): string {
  const detail = reader.call(record.id, { maxMessages: 1, maxEffects: 0, maxChars: 1000 });
  const request: unknown = JSON.parse(detail?.messages[0]?.text ?? "{}");
  return String(Reflect.get(Object(request), "id"));
}

function isAsked(call: HeardCall, filter: CallFilter): boolean {
  const { method, target, server, statuses, sinceMs, untilMs, minDurationMs } = filter;
  const { sessionId, reachedHost } = filter;
  const hosts = call.effects?.flatMap((effect) =>
    effect.kind === "connect"
      ? [effect.connection.remote?.address, effect.connection.names[0]?.name]
      : [],
  );
  return (
    (sessionId === undefined || call.session.id === sessionNames.get(sessionId)) &&
    (reachedHost === undefined || hosts?.includes(reachedHost) === true) &&
    (method === undefined || call.method === method) &&
    (target === undefined || call.target === target) &&
    (server === undefined || (call.session.serverInfo?.name ?? "").includes(server)) &&
    (statuses === undefined || statuses.length === 0 || statuses.includes(call.outcome)) &&
    (sinceMs === undefined || startOf(call) >= sinceMs) &&
    (untilMs === undefined || startOf(call) <= untilMs) &&
    (minDurationMs === undefined || (call.durationMs ?? -1) >= minDurationMs)
  );
}

/** By the names that sessions were heard under. */
const sessionNames = new Map<string, string>(
  history
    .rows("SELECT id, name FROM sessions")
    .map((row) => [`session-${Object(row).id}`, String(Object(row).name)] as const),
);
const sessionIds = [...sessionNames.keys()];

const callFilters: fc.Arbitrary<CallFilter> = fc.record(
  {
    method: fc.constantFrom("tools/call", "tools/list"),
    target: fc.constantFrom("git_1", "mail_3", "nothing"),
    server: fc.constantFrom("git", "a", "shell", "nobody"),
    statuses: fc.subarray(["ok", "error", "tool_error", "cancelled", "unanswered"] as const),
    sinceMs: fc.integer({ min: 0, max: 300 }).map((m) => timeOf(START_NS) + m * 60_000),
    untilMs: fc.integer({ min: 0, max: 300 }).map((m) => timeOf(START_NS) + m * 60_000),
    minDurationMs: fc.constantFrom(0.5, 5, 200, 900, 5000),
    sessionId: fc.nat({ max: 20 }).map((index) => sessionIds[index] ?? "session-1"),
    reachedHost: fc.constantFrom("api3.example.com", "93.184.0.5", "nowhere"),
  },
  { requiredKeys: [] },
);

describe("HistoryReader", () => {
  test("HistoryReader gives every call once, newest first, over pages of any size", () => {
    for (const limit of [1000, 700, 97]) {
      const records = allPages((before) => reader.calls({}, { before, limit }));
      const rows = records.map(({ row }) => row);
      expect(rows).toEqual([...new Set(rows)].sort((one, other) => other - one));
      expect(records.length).toBe(heard.calls.length);
    }
  });

  test("HistoryReader finds the calls that a filter asks for, and no others", () => {
    fc.assert(
      fc.property(callFilters, (filter) => {
        const records = allPages((before) => reader.calls(filter, { before, limit: 1000 }));
        const expected = heard.calls.filter((call) => isAsked(call, filter)).map(keyOf);
        expect(records.length).toBe(expected.length);
        const found = records.slice(0, 20).map(idTextOf);
        expect(found.filter((id) => !expected.includes(id))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("HistoryReader tells of a call what was heard of it", () => {
    const call = heard.calls.find((each) => each.outcome === "error");
    if (call === undefined) throw new Error("the traffic has calls that fail");
    const [record] = allPages((before) =>
      reader.calls({ statuses: ["error"] }, { before, limit: 100 }),
    ).filter((each) => idTextOf(each) === keyOf(call));
    expect(record).toMatchObject({
      clientName: "agent",
      serverName: call.session.serverInfo?.name,
      direction: "client-to-server",
      method: "tools/call",
      target: call.target,
      status: "error",
      errorCode: -32_602,
      errorText: "Invalid params",
      requestBytes: call.request.bytes,
      responseBytes: call.response?.bytes,
    });
    expect(record?.startMs).toBeCloseTo(startOf(call), 2);
    expect(record?.durationMs).toBeCloseTo(call.durationMs ?? 0, 2);
  });

  test("HistoryReader gives one call with its messages, its session and its effects", () => {
    const [record] = reader.calls(
      { reachedHost: "API7.example.com" },
      { before: undefined, limit: 1 },
    ).items;
    if (record === undefined) throw new Error("the traffic reaches this host");
    const detail = reader.call(record.id, { maxMessages: 10, maxEffects: 10, maxChars: 30 });
    expect(detail?.session?.id).toBe(record.sessionId);
    expect(detail?.messages.map(({ type, from, to }) => [type, from, to])).toEqual([
      ["request", "agent", record.serverName],
      ["response", record.serverName, "agent"],
    ]);
    expect(detail?.messages.map(({ text, isCut }) => [text.length, isCut])).toEqual([
      [30, true],
      [30, true],
    ]);
    const connect = detail?.effects.find((effect) => effect.kind === "connect");
    expect(connect?.kind === "connect" && connect.connection).toMatchObject({
      hostName: "api7.example.com",
      hostNameSource: "sni",
      remotePort: 443,
      callId: record.id,
      comm: "node",
    });
    expect(record.effects.connect).toBe(1);
  });

  test("HistoryReader finds the calls that reached a host by name and by address", () => {
    const expected = [...heard.connections.values()].filter(
      ({ names }) => names[0]?.name === "api7.example.com",
    );
    const [first] = expected;
    const pages = (reachedHost: string) =>
      allPages((before) => reader.calls({ reachedHost }, { before, limit: 7 }));
    expect(pages("api7.example.com").length).toBe(expected.length);
    expect(pages(first?.remote?.address ?? "").length).toBe(expected.length);
    expect(pages("api7.example")).toEqual([]);
  });

  test.each([
    "call-0",
    "call-999999999",
    "session-1",
    "call--1",
    "call-1e3",
    "1; DROP TABLE calls",
    "",
  ])("HistoryReader knows no call %p", (id) => {
    expect(reader.call(id, { maxMessages: 1, maxEffects: 1, maxChars: 1 })).toBeUndefined();
  });

  test.each(["session-999999999", "call-1", "session-01", "session-1 OR 1"])(
    "HistoryReader knows no session %p",
    (id) => {
      expect(reader.session(id)).toBeUndefined();
      expect(reader.calls({ sessionId: id }, { before: undefined, limit: 5 }).items).toEqual([]);
    },
  );

  test("HistoryReader gives sessions with what was counted of each", () => {
    const sessions = allPages((before) => reader.sessions({}, { before, limit: 6 }));
    expect(sessions.length).toBe(heard.sessions.size);
    const sums = { calls: 0, failed: 0, messages: 0 };
    for (const { calls, failedCalls, messages, id } of sessions) {
      sums.calls += calls;
      sums.failed += failedCalls;
      sums.messages += messages;
      expect(reader.session(id)?.id).toBe(id);
    }
    const failed = heard.calls.filter(({ outcome }) => outcome !== "ok").length;
    const messages = heard.calls.length + heard.calls.filter(({ response }) => response).length;
    expect(sums).toEqual({ calls: heard.calls.length, failed, messages });
  });

  test.each([
    [{ server: "WEATHER" }, 3],
    [{ server: "/srv/git.js" }, 3],
    [{ server: "100%" }, 0],
    [{ client: "--chat" }, 20],
    [{ transport: "http" as const }, 0],
    [{ isOpen: true }, 20],
    [{ isOpen: false }, 0],
    [{ sinceMs: timeOf(START_NS + 100 * HOUR_NS) }, 20],
  ])("HistoryReader finds sessions by %p", (filter, count) => {
    expect(reader.sessions(filter, { before: undefined, limit: 100 }).items.length).toBe(count);
  });

  const connectionFilters: fc.Arbitrary<ConnectionFilter> = fc.record(
    {
      pid: fc.constantFrom(1001, 1003, 9),
      comm: fc.constantFrom("node", "curl"),
      host: fc.constantFrom("api3.example.com", "93.184.0.5", "nowhere"),
      port: fc.constantFrom(443, 80),
      protocol: fc.constantFrom("tcp" as const, "udp" as const),
      outcomes: fc.subarray(["refused", "timed_out", "closed", "established"] as const),
      direction: fc.constantFrom("outgoing" as const, "accepted" as const),
      sinceMs: fc.integer({ min: 0, max: 300 }).map((m) => timeOf(START_NS) + m * 60_000),
    },
    { requiredKeys: [] },
  );

  function isConnectionAsked(one: Connection, filter: ConnectionFilter): boolean {
    const { pid, comm, host, port, protocol, outcomes = [], direction, sinceMs } = filter;
    const hosts = [one.remote?.address, ...one.names.map(({ name }) => name)];
    return (
      (pid === undefined || one.process?.pid === pid) &&
      (comm === undefined || one.process?.comm === comm) &&
      (host === undefined || hosts.includes(host)) &&
      (port === undefined || one.remote?.port === port) &&
      (protocol === undefined || one.protocol === protocol) &&
      (outcomes.length === 0 || outcomes.some((each) => each === one.outcome)) &&
      (direction === undefined || one.direction === direction) &&
      (sinceMs === undefined || timeOf(one.startNs) >= sinceMs)
    );
  }

  test("HistoryReader finds the connections that a filter asks for, and sums them up", () => {
    fc.assert(
      fc.property(connectionFilters, (filter) => {
        const expected = [...heard.connections.values()].filter((each) =>
          isConnectionAsked(each, filter),
        );
        const found = allPages((before) => reader.connections(filter, { before, limit: 400 }));
        expect(found.length).toBe(expected.length);
        const outgoing = expected.filter(
          ({ direction }) => direction === (filter.direction ?? "outgoing"),
        );
        const latencies = outgoing
          .flatMap(({ latencyMs }) => latencyMs ?? [])
          .sort((a, b) => a - b);
        const summary = reader.connectionSummary(filter);
        const established = outgoing.filter(({ latencyMs }) => latencyMs !== undefined).length;
        expect(summary).toMatchObject({
          attempts: outgoing.length,
          successes: established,
          inProgress: 0,
          sentBytes: outgoing.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
          receivedBytes: outgoing.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0),
        });
        const failed = summary.failures.reduce((sum, { count }) => sum + count, 0);
        expect(failed).toBe(outgoing.length - established);
        const rank = (share: number) =>
          latencies[Math.max(1, Math.ceil(share * latencies.length)) - 1];
        const close = (one: number | undefined, other: number | undefined) =>
          expect(Math.abs((one ?? 0) - (other ?? 0))).toBeLessThan(0.001);
        close(summary.p50LatencyMs, rank(0.5));
        close(summary.p95LatencyMs, rank(0.95));
      }),
      { numRuns: 200 },
    );
  });

  test("HistoryReader groups what failed by its cause", () => {
    const failures = reader.failures({ sinceMs: 0, untilMs: undefined, limit: 1000 });
    expect(failures.calls).toBe(heard.calls.length);
    expect(failures.connections).toBe(heard.connections.size);
    const failed = heard.calls.filter(({ outcome }) => outcome !== "ok");
    const grouped = failures.callFailures.reduce((sum, { count }) => sum + count, 0);
    expect(grouped).toBe(failed.length);
    expect(failures.moreCallFailures).toBe(0);
    const bad = [...heard.connections.values()].filter(({ latencyMs }) => latencyMs === undefined);
    expect(failures.connectionFailures.reduce((sum, { count }) => sum + count, 0)).toBe(bad.length);
    const few = reader.failures({ sinceMs: 0, untilMs: undefined, limit: 3 });
    expect(few.callFailures).toEqual(failures.callFailures.slice(0, 3));
    expect(few.moreCallFailures).toBe(failures.callFailures.length - 3);
    const slowest = heard.calls
      .filter(({ outcome }) => outcome === "ok")
      .toSorted((one, other) => (other.durationMs ?? 0) - (one.durationMs ?? 0))
      .slice(0, 5);
    expect(failures.slowest.map(idTextOf)).toEqual(slowest.map(keyOf));
  });

  test("HistoryReader counts the calls of a window that begins and ends inside segments", () => {
    const segments = history.rows("SELECT id FROM segments");
    expect(segments.length).toBeGreaterThan(3);
    const [sinceMs, untilMs] = [timeOf(START_NS + 1.7 * HOUR_NS), timeOf(START_NS + 3.3 * HOUR_NS)];
    const expected = heard.calls.filter((call) => isAsked(call, { sinceMs, untilMs })).length;
    expect(reader.failures({ sinceMs, untilMs, limit: 1 }).calls).toBe(expected);
  });

  test("HistoryReader says what is there", () => {
    const coverage = reader.coverage();
    expect(coverage).toMatchObject({
      sessions: 20,
      calls: heard.calls.length,
      connections: heard.connections.size,
      droppedRows: 0,
      removedRows: 0,
      bodyLimitBytes: 65_536,
      isRedacted: false,
    });
    expect(coverage.runs).toMatchObject([{ endMs: undefined, version: "test" }]);
    const said = (key: "lines" | "bytes") =>
      coverage.noise.reduce((sum, each) => sum + each[key], 0);
    const lines = Math.ceil(heard.calls.length / 50);
    expect([said("lines"), said("bytes")]).toEqual([lines, lines * 10]);
    expect(coverage.noise.find(({ holdsMessage }) => holdsMessage)?.example).toMatch(
      /^call \d*00$|^call 0$/,
    );
  });

  test("HistoryReader notices that something was written", () => {
    const before = reader.latest();
    expect(reader.latest()).toEqual(before);
    history.store([
      {
        kind: "coverage",
        reason: "io_uring",
        channel: undefined,
        process: undefined,
        bytes: 1,
        timeNs: START_NS,
      },
    ]);
    expect(reader.latest().revision).not.toBe(before.revision);
    expect(reader.latest().callRow).toBe(before.callRow);
    expect(reader.coverage().notHeard).toEqual([
      { reason: "io_uring", count: 1, example: undefined },
    ]);
  });
});
