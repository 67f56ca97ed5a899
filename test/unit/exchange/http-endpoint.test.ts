import { describe, expect, test } from "bun:test";
import type { ExchangeStage } from "../../../src/exchange/stage.ts";
import {
  callsOf,
  INITIALIZE,
  INITIALIZED,
  MS,
  messagesOf,
  process,
  SECOND,
  sessionsOf,
  tick,
} from "./build.ts";
import {
  answer,
  ask,
  type Connection,
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

describe("the old HTTP+SSE transport", () => {
  function open(to: ExchangeStage, connection: Connection, uri: string) {
    const stream = ask(connection, { method: "GET", target: "/sse" });
    answer(stream, 200, SSE);
    push(to, { kind: "http-endpoint", exchange: stream, uri, timeNs: 1 });
    return stream;
  }

  test("joins POSTs to the stream that named their URI [http/endpoint]", () => {
    const to = stage();
    const client = process(1);
    const server = process(2);
    const streams = ["a", "b"].map((id) =>
      open(to, connect(client, server), `/messages?sessionId=${id}`),
    );
    const lines = ["b", "a"].flatMap((id, index) => {
      const post = ask(connect(client, server), { target: `/messages?sessionId=${id}` });
      const asked = push(to, sent(post, index * MS, INITIALIZE));
      answer(post, 202, {});
      return [...asked, ...push(to, over(post, index * MS + 1))];
    });
    const answers = streams.flatMap((stream, index) =>
      push(to, received(stream, (5 + index) * MS, INITIALIZED, { mode: "sse" })),
    );
    expect(messagesOf(lines).map(({ session }) => session.id)).toEqual(["http:2", "http:1"]);
    expect(httpOf(lines)).toEqual([]);
    expect(callsOf(answers).map(({ session, durationMs }) => [session.id, durationMs])).toEqual([
      ["http:1", 4],
      ["http:2", 6],
    ]);
  });

  test.each([
    ["before the answer", true],
    ["behind the answer", false],
  ])("takes a POST that is answered 200, %s, for accepted", (_, isBefore) => {
    const to = stage();
    const client = process(1);
    const server = process(2);
    const stream = open(to, connect(client, server), "/messages?sessionId=a");
    const post = ask(connect(client, server), { target: "/messages?sessionId=a" });
    push(to, sent(post, 0, INITIALIZE));
    answer(post, 200, {});
    const event = received(stream, 5 * MS, INITIALIZED, { mode: "sse" });
    const end = over(post, 5 * MS);
    const lines = isBefore ? push(to, end, event) : push(to, event, end);
    expect(httpOf(lines)).toEqual([]);
    expect(callsOf(lines)).toMatchObject([{ outcome: "ok" }]);
  });

  test("keeps one URI of a stream, however many it names", () => {
    const to = stage();
    const stream = open(to, connect(process(1), process(2)), "/messages?sessionId=a");
    const { residue } = to;
    for (let i = 0; i < 1_000; i++) {
      push(to, { kind: "http-endpoint", exchange: stream, uri: `/messages?${i}`, timeNs: 1 });
    }
    expect(to.residue).toBe(residue);
  });

  test("takes no URI from a request's body, nor over a session's id", () => {
    const to = stage();
    const attacker = ask(connect(process(9), process(2)));
    push(to, { kind: "http-endpoint", exchange: attacker, uri: "/mcp", timeNs: 1 });
    open(to, connect(process(9), process(2)), "/mcp");
    const server = process(2);
    const victims = ["a", "b"].flatMap((id, i) =>
      initialize(to, connect(process(3 + i), server), id).concat(
        call(to, connect(process(3 + i), server), 1, 10, id),
      ),
    );
    const ids = victims.flatMap((line) => (line.kind === "message" ? [line.session.id] : []));
    expect(ids.slice(2, 4)).toEqual([ids[2] ?? "", ids[2] ?? ""]);
    expect(new Set(ids.slice(2, 4))).not.toEqual(new Set(ids.slice(6, 8)));
  });

  test("ends a session with its stream", () => {
    const to = stage();
    const client = process(1);
    const connection = connect(client, process(2));
    const stream = open(to, connection, "messages?sessionId=a");
    const post = ask(connect(client, connection.server), { target: "/messages?sessionId=a" });
    push(to, sent(post, 10, INITIALIZE));
    expect(push(to, over(stream, 20, "cut"))).toEqual([]);
    const lines = push(to, tick(SECOND));
    expect(sessionsOf(lines)).toMatchObject([
      { event: "end", session: { endReason: "event stream closed" } },
    ]);
  });
});
