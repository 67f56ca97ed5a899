import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Process } from "../../../src/capture/types.ts";
import type { Effect } from "../../../src/effects/types.ts";
import type { CallLine, MessageLine } from "../../../src/exchange/types.ts";
import {
  callAnswer,
  callRequest,
  client,
  clock,
  frame,
  loss,
  message,
  messageLine,
  process,
  server,
  session,
  sessionLine,
  TIME_NS,
} from "../sinks/items.ts";
import { TestHistory } from "./history.ts";
import { lineOf, makeConnection } from "./traffic.ts";

function callOf(
  request: MessageLine,
  answer: MessageLine | undefined,
  over: Partial<CallLine> = {},
) {
  return {
    kind: "call",
    session: request.session,
    direction: request.direction,
    // as the exchange room keeps it
    request: { ...request.message, body: undefined },
    response: answer?.message,
    method: "tools/call",
    target: request.target,
    outcome: "ok",
    chain: undefined,
    progressCount: 0,
    logCount: 0,
    timeNs: TIME_NS + 1e6,
    durationMs: 23.4,
    serverMs: 22.9,
    ...over,
  } satisfies CallLine;
}

function withEffects(call: CallLine, effects: readonly Effect[]): CallLine {
  return Object.assign(call, { effects });
}

describe("Recorder", () => {
  test("Recorder has a call open from its request on, and one row for it in the end", () => {
    using history = new TestHistory();
    const request = callRequest();
    history.store([request]);
    const [open] = history.rows("SELECT id, outcome, duration_us FROM calls");
    expect(open).toMatchObject({ outcome: "open", duration_us: null });
    const answer = callAnswer();
    history.store([answer, callOf(request, answer)]);
    expect(history.rows("SELECT id, outcome, duration_us FROM calls")).toEqual([
      { id: Object(open).id, outcome: "ok", duration_us: 23_400 },
    ]);
    expect(
      history.rows("SELECT type FROM messages WHERE id = (SELECT response_id FROM calls)"),
    ).toEqual([{ type: "response" }]);
  });

  test("Recorder tells calls with one id apart by their requests, a batch's by their order", () => {
    using history = new TestHistory();
    const [one, two] = [callRequest(), callRequest()];
    history.store([one, two]);
    const [first, second] = history.rows("SELECT id FROM calls ORDER BY id");
    history.store([callOf(two, undefined, { outcome: "cancelled" })]);
    expect(history.rows("SELECT id FROM calls WHERE outcome = 'cancelled'")).toEqual([second]);
    const copied = { ...one, message: { ...one.message, frame: frame("copied") } };
    history.store([callOf(copied, undefined, { outcome: "unanswered" })]);
    expect(history.rows("SELECT id FROM calls WHERE outcome = 'unanswered'")).toEqual([first]);
  });

  test("Recorder keeps what a cancelled call took on its row, and out of the sums", () => {
    using history = new TestHistory();
    const request = callRequest();
    const answer = callAnswer();
    history.store([request, answer, callOf(request, answer, { outcome: "cancelled" })]);
    expect(history.rows("SELECT outcome, duration_us FROM calls")).toEqual([
      { outcome: "cancelled", duration_us: 23_400 },
    ]);
    expect(history.rows("SELECT outcome, about_us, calls, total_us FROM call_sums")).toEqual([
      { outcome: "cancelled", about_us: 0, calls: 1, total_us: 0 },
    ]);
  });

  test("Recorder joins progress and logs to the call that they belong to", () => {
    using history = new TestHistory();
    const progress = messageLine({
      message: message({
        type: "notification",
        idText: undefined,
        method: "notifications/progress",
      }),
      direction: "server-to-client",
      callId: "7",
    });
    const request = callRequest();
    const answer = callAnswer();
    history.store([request, progress, answer, callOf(request, answer, { progressCount: 1 })]);
    using reader = history.reader();
    const [call] = reader.calls({}, { before: undefined, limit: 1 }).items;
    const ask = (maxMessages: number) =>
      reader.call(call?.id ?? "", { maxMessages, maxEffects: 0, maxChars: 100 });
    expect(ask(5)?.messages.map(({ method, type }) => method ?? type)).toEqual([
      "tools/call",
      "notifications/progress",
      "response",
    ]);
    expect(ask(2)?.messages.map(({ type }) => type)).toEqual(["request", "response"]);
    expect(ask(2)?.moreMessages).toBe(1);
  });

  test("Recorder stores a call whose request was not", () => {
    using history = new TestHistory();
    history.store([callOf(callRequest(), undefined, { outcome: "unanswered" })]);
    expect(history.rows("SELECT outcome FROM calls")).toEqual([{ outcome: "unanswered" }]);
    expect(history.rows("SELECT calls, failed_calls FROM sessions")).toEqual([
      { calls: 1, failed_calls: 1 },
    ]);
  });

  test("Recorder stores nothing that is said to a server of overhear, and counts its sessions", () => {
    const own = process({ pid: 99, comm: "overhear" });
    const isOwn = ({ pid }: Process) => pid === own.pid;
    using history = new TestHistory({ isOwn });
    const talk = session({ id: "own", server: own });
    const connection = makeConnection(1, client, TIME_NS, () => 0.5);
    history.store([
      sessionLine({ session: talk }),
      messageLine({ session: talk }),
      callOf(messageLine({ session: talk }), undefined),
      lineOf({ ...connection, peer: own }, "start", TIME_NS),
      sessionLine({ session: talk, event: "end" }),
      callRequest(),
    ]);
    const kept = ["sessions", "messages", "calls", "connections"].map(
      (table) => Object(history.rows(`SELECT count(*) AS n FROM ${table}`)[0]).n,
    );
    expect(kept).toEqual([1, 1, 1, 0]);
    using reader = history.reader();
    expect(reader.coverage()).toMatchObject({ ownSessions: 1, sessions: 1, messages: 1 });
  });

  test("Recorder knows a session with this process by where it was asked, when nobody knows its server", () => {
    const at = { address: "127.0.0.1", port: 8080 };
    using history = new TestHistory({ isOwnEnd: ({ port }) => port === at.port });
    const asked = frame("{}");
    const answer = message({ frame: { ...asked, channel: { ...asked.channel, from: at } } });
    const own = session({ id: "own", server: undefined });
    const other = session({ id: "other", server: undefined });
    const silent = session({ id: "silent", server: undefined });
    history.store([
      ...[own, other, silent].map((each) => sessionLine({ session: each, event: "start" })),
      messageLine({ session: own, message: answer }),
      messageLine({ session: other }),
      ...[own, silent].map((each) => sessionLine({ session: each, event: "end" })),
    ]);
    expect(history.rows("SELECT name FROM sessions ORDER BY id")).toEqual([
      { name: "other" },
      { name: "silent" },
    ]);
    expect(history.rows("SELECT event FROM session_events ORDER BY id")).toEqual([
      { event: "start" },
      { event: "start" },
      { event: "end" },
    ]);
    using reader = history.reader();
    expect(reader.coverage()).toMatchObject({ ownSessions: 1, sessions: 2, messages: 1 });
  });

  test("Recorder stores neither end of a connection to where this process serves", () => {
    const at = { address: "127.0.0.1", port: 8080 };
    using history = new TestHistory({ isOwnEnd: ({ port }) => port === at.port });
    const asked = makeConnection(1, client, TIME_NS, () => 0.5);
    const accepted = {
      ...makeConnection(2, undefined, TIME_NS, () => 0.5),
      direction: "accepted" as const,
      local: at,
      remote: { address: "127.0.0.1", port: 40_000 },
    };
    history.store([
      lineOf({ ...asked, remote: at }, "start", TIME_NS),
      lineOf(accepted, "end", TIME_NS),
      lineOf({ ...asked, id: "c:3" }, "start", TIME_NS),
    ]);
    expect(history.rows("SELECT name FROM connections")).toEqual([{ name: "c:3" }]);
  });

  test("Recorder writes a process anew when it became another program, and when it ended", () => {
    using history = new TestHistory();
    const worker = process({ pid: 50, comm: "sh", commandLine: ["sh"] });
    const line = messageLine({ from: worker });
    history.store([line]);
    worker.comm = "git";
    worker.commandLine = ["git", "clone"];
    history.store([line]);
    const copy = { ...worker, exit: { timeNs: TIME_NS, code: 3, signal: undefined } };
    history.store([sessionLine({ event: "end", session: session({ client: copy }) }), line]);
    expect(
      history.rows("SELECT comm, command_line, exit_code FROM parties WHERE pid = 50"),
    ).toEqual([{ comm: "git", command_line: '["git","clone"]', exit_code: 3 }]);
  });

  test("Recorder writes the exit of a program that a call ran, although nothing names it then", () => {
    using history = new TestHistory();
    const git = process({ pid: 51, comm: "git" });
    const effects = [
      { kind: "exec" as const, argv: ["git"], process: git, timeNs: TIME_NS, candidates: [] },
    ];
    history.store([withEffects(callOf(callRequest(), undefined), effects)]);
    git.exit = { timeNs: TIME_NS + 5e6, code: 128, signal: undefined };
    history.store([loss()]);
    using reader = history.reader();
    const [call] = reader.calls({}, { before: undefined, limit: 1 }).items;
    const detail = reader.call(call?.id ?? "", { maxMessages: 0, maxEffects: 5, maxChars: 1 });
    expect(detail?.effects).toMatchObject([
      { kind: "exec", argv: ["git"], exitCode: 128, durationMs: 5 },
    ]);
  });

  test("Recorder names the candidates of an effect by their calls", () => {
    using history = new TestHistory();
    const one = callRequest();
    const two = messageLine({ message: message({ idText: "8" }), target: "other" });
    history.store([one, two]);
    const [first, second] = history
      .rows("SELECT id FROM calls ORDER BY id")
      .map((row) => Object(row).id);
    const connection = makeConnection(1, server, TIME_NS, () => 0.5);
    const effects = [
      {
        kind: "connect" as const,
        connection,
        process: server,
        timeNs: TIME_NS,
        candidates: ["7", "8"],
      },
    ];
    history.store([
      lineOf(connection, "start", TIME_NS),
      withEffects(callOf(one, undefined), effects),
    ]);
    using reader = history.reader();
    const detail = reader.call(`call-${first}`, { maxMessages: 0, maxEffects: 5, maxChars: 1 });
    expect(detail?.effects[0]?.candidates).toEqual([`call-${first}`, `call-${second}`]);
    // it may have been either: it is not said to be of this one
    expect(
      reader.connections({}, { before: undefined, limit: 1 }).items[0]?.callId,
    ).toBeUndefined();
  });

  test("Recorder sums up a connection once, as what became of it, whoever names it first", () => {
    using history = new TestHistory();
    const begun = makeConnection(1, server, TIME_NS, () => 0.5);
    const connection = {
      ...begun,
      outcome: "in_progress" as const,
      latencyMs: undefined,
      names: [],
    };
    const effects = [
      { kind: "connect" as const, connection, process: server, timeNs: TIME_NS, candidates: [] },
    ];
    history.store([withEffects(callOf(callRequest(), undefined), effects)]);
    history.store([lineOf(begun, "start", TIME_NS + 1e6)]);
    const ended = { ...begun, outcome: "closed" as const, endNs: TIME_NS + 2e6, sentBytes: 7 };
    history.store([lineOf(ended, "end", TIME_NS + 2e6)]);
    expect(
      history.rows(
        "SELECT outcome, sum(connections) AS n, sum(sent_bytes) AS sent FROM connection_sums GROUP BY 1",
      ),
    ).toEqual([{ outcome: "established", n: 1, sent: 7 }]);
    expect(history.rows("SELECT outcome, call_id IS NOT NULL AS joined FROM connections")).toEqual([
      { outcome: "closed", joined: 1 },
    ]);
    // its name was not known when the call ended
    using reader = history.reader();
    const page = { before: undefined, limit: 5 };
    const reachedHost = begun.names[0]?.name ?? "";
    expect(reader.calls({ reachedHost }, page).items).toHaveLength(1);
  });

  test("Recorder begins another segment when the wall clock was set, so that sums and ages stay right", () => {
    let offsetUs = 1_795_176_000_000_000;
    using history = new TestHistory({
      clock: { toUnixMicros: (ns) => Math.floor(ns / 1000) + offsetUs },
    });
    history.store([loss({ timeNs: 1e15 })]);
    offsetUs -= 86_400_000_000 * 365;
    history.store([loss({ timeNs: 1e15 + 1e9 })]);
    offsetUs += 86_400_000_000 * 365 * 30;
    history.store([loss({ timeNs: 1e15 + 2e9 })]);
    const segments = history.rows(
      "SELECT segments.id, segments.end_ns, (SELECT count(*) FROM losses WHERE losses.id BETWEEN segments.id AND last_id AND time_us BETWEEN start_us AND end_us) AS losses FROM segments ORDER BY id",
    );
    expect(segments).toMatchObject([
      { end_ns: 1e15, losses: 1 },
      { end_ns: 1e15 + 1e9, losses: 1 },
      { end_ns: 1e15 + 2e9, losses: 1 },
    ]);
    // in the order in which it was heard, whatever the wall clock said
    const ids = history.rows("SELECT id FROM losses ORDER BY id").map((row) => Object(row).id);
    expect(ids).toEqual(ids.toSorted((one: number, other: number) => one - other));
  });

  test("Recorder does not begin another segment for a clock that is slewed", () => {
    let offsetUs = 1_795_176_000_000_000;
    using history = new TestHistory({
      clock: { toUnixMicros: (ns) => Math.floor(ns / 1000) + offsetUs },
    });
    for (let round = 0; round < 5; round++) {
      history.store([loss({ timeNs: 1e15 + round * 1e9 })]);
      offsetUs += 500;
    }
    expect(history.rows("SELECT count(*) AS n FROM segments")).toEqual([{ n: 1 }]);
  });

  const oddText = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.constantFrom(
      "\0",
      "a\0b",
      "\ud800",
      "\udfff\ud800",
      "'; DROP TABLE calls; --",
      "x".repeat(9000),
    ),
  );
  const oddNumber = fc.oneof(
    fc.double(),
    fc.constantFrom(0, -1, 2 ** 53, 2 ** 63, 1e300, Number.NaN, Number.POSITIVE_INFINITY, -0.5),
  );

  test("Recorder and Writer take whatever comes from the wire", () => {
    using history = new TestHistory({ maxBodyBytes: 1024 });
    using reader = history.reader();
    fc.assert(
      fc.property(
        fc.record({ text: oddText, other: oddText, number: oddNumber, body: fc.jsonValue() }),
        ({ text, other, number, body }) => {
          const raw = JSON.stringify({ jsonrpc: "2.0", id: text, method: other, params: body });
          const talk = session({
            id: text,
            clientInfo: { name: text, version: other },
            serverInfo: { name: other, version: text },
            clientCapabilities: JSON.stringify(body),
            authority: text,
            httpSessionId: other,
            server: process({ pid: 7, comm: text.slice(0, 15), commandLine: [text, other] }),
          });
          const request = messageLine({
            session: talk,
            target: text,
            queuedMs: number,
            message: message({
              raw,
              idText: JSON.stringify(text),
              method: other,
              body,
              bytes: Number.isFinite(number) ? number : 0,
            }),
          });
          const error = { code: number, message: text };
          const answer = callAnswer({
            type: "error",
            body: error,
            errorText: JSON.stringify(error),
          });
          history.store([
            sessionLine({ session: talk }),
            request,
            { ...answer, session: talk },
            callOf(request, answer, {
              session: talk,
              outcome: "error",
              durationMs: number,
              target: text,
            }),
          ]);
          const page = { before: undefined, limit: 1 };
          const [call] = reader.calls({}, page).items;
          expect(call?.status).toBe("error");
          const detail = reader.call(call?.id ?? "", {
            maxMessages: 5,
            maxEffects: 5,
            maxChars: 9999,
          });
          for (const each of detail?.messages ?? []) JSON.parse(each.text);
          // what is read back is text that any reader can show, and finds itself again
          const shown = JSON.stringify([call, detail?.session]);
          expect(shown.includes("\\u0000") || !shown.isWellFormed()).toBe(false);
          const again = reader.calls({ target: call?.target, method: call?.method }, page).items;
          expect(again.map(({ id }) => id)).toEqual([call?.id ?? ""]);
        },
      ),
      { numRuns: 200 },
    );
    expect(history.rows("PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  }, 30_000);
});

test("clock of the tests: what Recorder is given is what it stores", () => {
  using history = new TestHistory();
  history.store([loss()]);
  expect(history.rows("SELECT time_us FROM losses")).toEqual([
    { time_us: clock.toUnixMicros(TIME_NS) },
  ]);
});
