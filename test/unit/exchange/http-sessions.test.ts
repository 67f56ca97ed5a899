import { describe, expect, test } from "bun:test";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import {
  callsOf,
  exited,
  MS,
  messagesOf,
  notification,
  pidOf,
  process,
  request,
  result,
  SECOND,
  sessionsOf,
  tick,
} from "./build.ts";
import {
  answer,
  ask,
  call,
  connect,
  httpOf,
  initialize,
  over,
  push,
  received,
  SSE,
  sent,
  stage,
} from "./http-build.ts";

describe("a legacy session over HTTP", () => {
  test("is one session over many connections, by its id [http/session]", () => {
    const to = stage();
    const client = process(1);
    const server = process(2);
    const lines = [
      ...initialize(to, connect(client, server), "abc"),
      ...call(to, connect(client, server), 1, 10, "abc"),
      ...call(to, connect(client, server), 2, 20, "abc"),
    ];
    expect(new Set(messagesOf(lines).map(({ session }) => session.id))).toEqual(
      new Set(["http:1"]),
    );
    const [start] = sessionsOf(lines);
    expect(start).toMatchObject({ event: "start", session: { lateAttach: false } });
    expect(messagesOf(lines)[0]?.session).toMatchObject({
      transport: "http",
      httpSessionId: "abc",
      client: { pid: 1 },
      server: { pid: 2 },
      serverInfo: { name: "srv" },
    });
    expect(callsOf(lines).map(({ outcome, durationMs }) => [outcome, durationMs])).toEqual([
      ["ok", 0.000001],
      ["ok", 1],
      ["ok", 1],
    ]);
    expect(to.openCalls()).toEqual([]);
  });

  test("shares its connection with another one's, as behind a gateway", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    const lines = [
      ...initialize(to, connection, "one"),
      ...initialize(to, connection, "two"),
      ...call(to, connection, 5, 10, "one"),
      ...call(to, connection, 5, 20, "two"),
    ];
    const ids = messagesOf(lines).map(({ session }) => session.httpSessionId);
    expect(ids.slice(4)).toEqual(["one", "one", "two", "two"]);
  });

  test("of one hop is not the same as that of the next hop with the same id", () => {
    const to = stage();
    const proxy = process(2);
    const near = [...initialize(to, connect(process(1), proxy, 80), "abc")];
    const far = [...initialize(to, connect(proxy, process(3), 3001), "abc")];
    const again = [
      ...call(to, connect(process(1), proxy, 80), 7, 10, "abc"),
      ...call(to, connect(proxy, process(3), 3001), 7, 10, "abc"),
    ];
    const [one] = messagesOf(near);
    const [other] = messagesOf(far);
    expect(one?.session.id).not.toBe(other?.session.id);
    expect(messagesOf(again).map(({ session }) => session.id)).toEqual([
      "http:1",
      "http:1",
      "http:2",
      "http:2",
    ]);
  });

  test("pairs an answer that comes an hour later", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    initialize(to, connection, "abc");
    const exchange = ask(connection, { fields: { sessionId: "abc" } });
    push(to, sent(exchange, SECOND, request(1, "tools/call", { name: "slow" })));
    for (let minute = 1; minute < 60; minute++) push(to, tick(minute * 60 * SECOND));
    answer(exchange, 200, SSE);
    const lines = push(to, received(exchange, 3_601 * SECOND, result(1), { mode: "sse" }));
    expect(callsOf(lines)).toMatchObject([{ outcome: "ok", durationMs: 3_600_000 }]);
  });

  test("takes a server's request on the GET stream and its answer in a POST", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    initialize(to, connection, "abc");
    const stream = ask(connect(process(1), process(2)), {
      method: "GET",
      fields: { sessionId: "abc" },
    });
    answer(stream, 200, SSE);
    const asked = received(stream, 10, request(1, "sampling/createMessage"), { mode: "sse" });
    const reply = ask(connection, { fields: { sessionId: "abc" } });
    const lines = push(to, asked, sent(reply, 10 + MS, result(1)));
    answer(reply, 202, {});
    expect(push(to, over(reply, 20 + MS), over(stream, 30 + MS, "cut"))).toEqual([]);
    expect(callsOf(lines)).toMatchObject([
      { direction: "server-to-client", outcome: "ok", durationMs: 1 },
    ]);
    expect(messagesOf(lines).map(({ direction }) => direction)).toEqual([
      "server-to-client",
      "client-to-server",
    ]);
  });

  test("takes an answer that a resumed stream brings, and no event twice [http/resume]", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    initialize(to, connection, "abc");
    const exchange = ask(connection, { fields: { sessionId: "abc" } });
    const progress = notification("notifications/progress", { progressToken: 1, progress: 1 });
    push(to, sent(exchange, 10, request(1, "tools/call", { name: "slow" })));
    answer(exchange, 200, SSE);
    const heard = push(
      to,
      received(exchange, 20, progress, { mode: "sse", eventId: "e1" }),
      over(exchange, 30, "cut"),
    );
    expect(callsOf(heard)).toEqual([]);
    expect(httpOf(heard)).toMatchObject([{ outcome: "cut", session: { id: "http:1" } }]);
    const resumed = ask(connect(process(1), process(2)), {
      method: "GET",
      fields: { sessionId: "abc", lastEventId: "e0" },
    });
    answer(resumed, 200, SSE);
    const lines = push(
      to,
      received(resumed, 40, progress, { mode: "sse", eventId: "e1" }),
      received(resumed, 10 + 2 * MS, result(1), { mode: "sse", eventId: "e2" }),
    );
    expect(messagesOf(lines)).toHaveLength(1);
    expect(callsOf(lines)).toMatchObject([{ outcome: "ok", durationMs: 2 }]);
  });

  test("ends with DELETE, and what was open is unanswered", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    initialize(to, connection, "abc");
    push(to, sent(ask(connection, { fields: { sessionId: "abc" } }), 5, request(1, "tools/list")));
    const bye = ask(connection, { method: "DELETE", fields: { sessionId: "abc" } });
    answer(bye, 200, {});
    const lines = push(to, over(bye, 10));
    expect(lines.map(({ kind }) => kind)).toEqual(["http", "call", "session"]);
    expect(sessionsOf(lines)).toMatchObject([
      { event: "end", openCalls: 1, session: { endReason: "client deleted the session" } },
    ]);
    expect(to.residue).toBe(0);
  });

  test("is not ended by what the server says at another path", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    initialize(to, connection, "abc");
    const other = ask(connection, { target: "/other", fields: { sessionId: "abc" } });
    answer(other, 404);
    expect(sessionsOf(push(to, over(other, 5)))).toEqual([]);
  });

  test("is told of each event where the server gives them all one id", () => {
    const to = stage();
    initialize(to, connect(process(1), process(2)), "abc");
    const told = [1, 2].flatMap((id) => {
      const fields = { sessionId: "abc", lastEventId: "1" };
      const stream = ask(connect(process(1), process(2)), { method: "GET", fields });
      answer(stream, 200, SSE);
      const asked = request(id, "sampling/createMessage");
      return messagesOf(push(to, received(stream, id, asked, { mode: "sse", eventId: "1" })));
    });
    expect(told).toHaveLength(2);
  });

  test("ends when the server does not know its id any more", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    initialize(to, connection, "abc");
    const lost = ask(connection, { fields: { sessionId: "abc" } });
    push(to, sent(lost, 5, request(1, "tools/list")));
    answer(lost, 404);
    const lines = push(to, over(lost, 10));
    expect(lines.map(({ kind }) => kind)).toEqual(["http", "call", "session"]);
    expect(callsOf(lines)).toMatchObject([{ outcome: "unanswered" }]);
    expect(sessionsOf(lines)[0]?.session.endReason).toBe("server does not know the session (404)");
  });

  test("outlives its client's process for a while: a script's next curl goes on with it", () => {
    const to = stage();
    const server = process(2);
    const first = process(1);
    initialize(to, connect(first, server), "abc");
    push(to, exited(first, 10, 0), tick(10 * SECOND));
    const lines = call(to, connect(process(3), server), 1, 11 * SECOND, "abc");
    expect(messagesOf(lines).map(({ session, seq }) => [session.id, seq])).toEqual([
      ["http:1", 3],
      ["http:1", 4],
    ]);
    expect(messagesOf(lines).map(({ from }) => pidOf(from))).toEqual([3, 2]);
  });

  test("ends with its server", () => {
    const to = stage();
    const server = process(2);
    initialize(to, connect(process(1), server), "abc");
    const lines = push(to, exited(server, 10, 1), tick(SECOND), tick(3 * SECOND));
    expect(sessionsOf(lines)).toMatchObject([
      { event: "end", session: { endReason: "server exited with code 1" } },
    ]);
    expect(to.residue).toBe(0);
  });

  test("takes what a stream brings that was open before, where it is the only one of these two", () => {
    const to = new ExchangeStage({ allJsonrpc: false, listenNs: SECOND });
    const client = process(1);
    const server = process(2);
    const unheard = (): ReturnType<typeof ask> => {
      const stream = ask(connect(client, server), { method: "GET" });
      stream.request = undefined;
      return stream;
    };
    const log = notification("notifications/message", { level: "info", data: 1 });
    call(to, connect(client, server), 1, SECOND, "abc");
    const [only] = messagesOf(push(to, received(unheard(), 2 * SECOND, log, { mode: "sse" })));
    expect(only?.session.httpSessionId).toBe("abc");
    call(to, connect(client, server), 1, 3 * SECOND, "def");
    const [either] = messagesOf(push(to, received(unheard(), 4 * SECOND, log, { mode: "sse" })));
    expect(either?.session.httpSessionId).toBeUndefined();
  });

  test("is not ended by a GET that the server does not have", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    initialize(to, connection, "abc");
    const get = ask(connection, { method: "GET", fields: { sessionId: "abc" } });
    answer(get, 404, { contentType: "text/html" });
    expect(push(to, over(get, 5)).map(({ kind }) => kind)).toEqual(["http"]);
    expect(messagesOf(call(to, connection, 1, 10, "abc"))[0]?.session.id).toBe("http:1");
  });

  test("is told by the whole of its id, however long", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    const long = "x".repeat(1_000);
    initialize(to, connection, `${long}1`);
    initialize(to, connection, `${long}2`);
    const lines = [
      ...call(to, connection, 1, 10, `${long}1`),
      ...call(to, connection, 1, 20, `${long}2`),
    ];
    expect(messagesOf(lines).map(({ session }) => session.id)).toEqual([
      "http:1",
      "http:1",
      "http:2",
      "http:2",
    ]);
  });

  test("that was running before is late, and found by its id on either side", () => {
    const to = new ExchangeStage({ allJsonrpc: false, listenNs: SECOND });
    const connection = connect(process(1), process(2));
    const unheard = ask(connection);
    unheard.request = undefined;
    answer(unheard, 200, { ...SSE, sessionId: "abc" });
    const lines = [
      ...push(to, received(unheard, SECOND, result(4), { mode: "sse" })),
      ...call(to, connection, 5, 2 * SECOND, "abc"),
    ];
    expect(sessionsOf(lines)).toMatchObject([{ event: "start", session: { lateAttach: true } }]);
    expect(messagesOf(lines).map(({ flags }) => flags)).toEqual([["unmatched_response"], [], []]);
    expect(new Set(messagesOf(lines).map(({ session }) => session.id)).size).toBe(1);
  });
});
