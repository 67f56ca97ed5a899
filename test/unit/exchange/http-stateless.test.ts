import { describe, expect, test } from "bun:test";
import {
  callsOf,
  exited,
  MS,
  messagesOf,
  notification,
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

describe("a session without an id", () => {
  const info = (name: string) => ({
    _meta: {
      "io.modelcontextprotocol/clientInfo": { name, version: "1" },
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    },
  });

  test("is a modern client's, on whatever connections it comes [http/stateless]", () => {
    const to = stage();
    const client = process(1);
    const server = process(2);
    const ids = ["a", "b", "a"].flatMap((name, index) => {
      const exchange = ask(connect(client, server));
      const lines = push(to, sent(exchange, index, request(0, "tools/list", info(name))));
      answer(exchange, 200);
      const answered = push(
        to,
        received(exchange, index + 1, result(0)),
        over(exchange, index + 2),
      );
      expect(callsOf(answered)).toHaveLength(1);
      return messagesOf([...lines, ...answered]).map(({ session }) => session.id);
    });
    expect(ids).toEqual(["http:1", "http:1", "http:2", "http:2", "http:1", "http:1"]);
  });

  test("pairs by the exchange where two clients of one process use the same ids", () => {
    const to = stage();
    const one = ask(connect(process(1), process(2)));
    const other = ask(connect(one.requestChannel?.writer ?? process(1), process(2)));
    push(to, sent(one, 0, request(1, "tools/call", { name: "slow", ...info("x") })));
    push(to, sent(other, MS, request(1, "tools/call", { name: "fast", ...info("x") })));
    answer(one, 200);
    answer(other, 200);
    const lines = push(to, received(other, 2 * MS, result(1)), received(one, 5 * MS, result(1)));
    expect(callsOf(lines).map(({ target, durationMs }) => [target, durationMs])).toEqual([
      ["fast", 1],
      ["slow", 5],
    ]);
  });

  test("takes progress for the call of its exchange where tokens are the same", () => {
    const to = stage();
    const client = process(1);
    const server = process(2);
    const params = { name: "t", _meta: { ...info("x")._meta, progressToken: 1 } };
    const one = ask(connect(client, server));
    const other = ask(connect(client, server));
    push(to, sent(one, 0, request(1, "tools/call", params)));
    push(to, sent(other, 1, request(2, "tools/call", params)));
    answer(one, 200, SSE);
    const progress = notification("notifications/progress", { progressToken: 1, progress: 1 });
    const lines = push(to, received(one, 2, progress, { mode: "sse" }));
    expect(messagesOf(lines)[0]?.callId).toBe("1");
  });

  test("of a modern client that closes the stream is cancelled", () => {
    const to = stage();
    const exchange = ask(connect(process(1), process(2)));
    push(to, sent(exchange, 0, request(1, "tools/call", { name: "slow", ...info("x") })));
    const lines = push(to, over(exchange, 5, "cut"));
    expect(callsOf(lines)).toMatchObject([{ outcome: "cancelled" }]);
    expect(httpOf(lines)).toMatchObject([{ outcome: "cut" }]);
    expect(to.openCalls()).toEqual([]);
  });

  test("is a stateless legacy server's with one client", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    const lines = [...initialize(to, connection, undefined), ...call(to, connection, 1, 10)];
    expect(new Set(messagesOf(lines).map(({ session }) => session.id)).size).toBe(1);
    expect(messagesOf(lines)[0]?.session.httpSessionId).toBeUndefined();
  });

  test("of a stateless legacy server ends when its client begins another one", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    initialize(to, connection, undefined);
    const lines = initialize(to, connection, undefined);
    expect(sessionsOf(lines).map(({ event, session }) => [event, session.id])).toEqual([
      ["end", "http:1"],
      ["start", "http:2"],
      ["update", "http:2"],
    ]);
    expect(sessionsOf(lines)[0]?.session.endReason).toBe("client began another session");
  });

  test("is one with each of two servers behind one address", () => {
    const to = stage();
    const connection = connect(process(1), process(2));
    const ids = ["/a/mcp", "/b/mcp", "/a/mcp"].flatMap((target) => {
      const exchange = ask(connection, { target });
      return messagesOf(push(to, sent(exchange, 0, request(1, "tools/list", info("x")))));
    });
    expect(ids.map(({ session }) => session.id)).toEqual(["http:1", "http:2", "http:1"]);
  });

  test("ends with its client", () => {
    const to = stage();
    const client = process(1);
    initialize(to, connect(client, process(2)), undefined);
    const lines = push(to, exited(client, 10, 0), tick(3 * SECOND));
    expect(sessionsOf(lines)[0]?.session.endReason).toBe("client exited with code 0");
    expect(to.residue).toBe(0);
  });

  test("of another host is kept by its address", () => {
    const to = stage();
    const host = { address: "10.0.0.7" };
    const server = process(2);
    const lines = [
      ...initialize(to, connect(host, server), undefined),
      ...call(to, connect({ address: "10.0.0.7" }, server), 1, 10),
    ];
    expect(new Set(messagesOf(lines).map(({ session }) => session.id)).size).toBe(1);
    expect(messagesOf(lines)[0]?.from).toBe(host);
  });
});
