import { describe, expect, test } from "bun:test";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import {
  callsOf,
  channel,
  closed,
  exited,
  INITIALIZE,
  INITIALIZED,
  message,
  messagesOf,
  notification,
  pair,
  pidOf,
  process,
  request,
  result,
  run,
  SECOND,
  sessionsOf,
} from "./build.ts";

/** method or id of the request that each message answers, and its id. */
function pairsOf(items: readonly ExchangeItem[]) {
  return callsOf(items).map((call) => [call.request.idText, call.response?.idText, call.target]);
}

describe("ExchangeStage pairs channels", () => {
  test("ExchangeStage makes three sessions of three servers that hear the same initialize [stdio/pair]", () => {
    const client = process(1);
    const servers = [process(2), process(3), process(4)];
    const ups = servers.map((server, at) => channel(`up${at}`, client, server));
    const downs = servers.map((server, at) => channel(`down${at}`, server, client));
    const out = run([
      ...ups.map((up, at) => message(up, at, INITIALIZE)),
      ...downs.toReversed().map((down, at) => message(down, 10 + at, INITIALIZED)),
    ]);
    expect(messagesOf(out).map((line) => [line.session.id, pidOf(line.session.server)])).toEqual([
      ["up0", 2],
      ["up1", 3],
      ["up2", 4],
      ["up2", 4],
      ["up1", 3],
      ["up0", 2],
    ]);
    expect(callsOf(out).map((call) => call.session.id)).toEqual(["up2", "up1", "up0"]);
  });

  test("ExchangeStage pairs a socketpair used both ways, also between the same two processes", () => {
    const client = process(1);
    const server = process(2);
    const make = (name: string) => {
      const up = channel(`${name}-up`, client, server, "unix-stream");
      const down = channel(`${name}-down`, server, client, "unix-stream");
      up.reverse = down;
      down.reverse = up;
      return { up, down };
    };
    const a = make("a");
    const b = make("b");
    const out = run([
      message(a.up, 1, INITIALIZE),
      message(b.up, 2, INITIALIZE),
      message(b.down, 3, INITIALIZED),
      message(a.down, 4, INITIALIZED),
    ]);
    expect(messagesOf(out).map((line) => line.session.id)).toEqual([
      "a-up",
      "b-up",
      "b-up",
      "a-up",
    ]);
    expect(callsOf(out)).toHaveLength(2);
  });

  test("ExchangeStage pairs one socketpair for stdin with another for stdout", () => {
    const client = process(1);
    const server = process(2);
    const up = channel("unix:1-2", client, server, "unix-stream");
    const down = channel("unix:3-4", server, client, "unix-stream");
    const out = run([message(up, 1, INITIALIZE), message(down, 2, INITIALIZED)]);
    expect(messagesOf(out).map((line) => line.session.id)).toEqual(["unix:1-2", "unix:1-2"]);
    expect(callsOf(out)).toHaveLength(1);
  });

  test("ExchangeStage pairs by the channel's writer when no note was heard", () => {
    const { client, up, down } = pair();
    const out = run([
      message(up, 1, INITIALIZE, { sender: undefined }),
      message(down, 2, INITIALIZED, { sender: undefined }),
    ]);
    expect(callsOf(out)).toHaveLength(1);
    expect(messagesOf(out)[0]?.from).toBe(client);
  });

  test("ExchangeStage pairs by one end while the other is not known, and learns it", () => {
    const { client, server, up, down } = pair();
    up.writer = undefined;
    const out = run([message(up, 1, INITIALIZE), message(down, 2, INITIALIZED)]);
    expect(callsOf(out)).toHaveLength(1);
    expect(messagesOf(out)[0]?.from).toBeUndefined();
    expect(out[0]).toMatchObject({ kind: "session", event: "start" });
    expect(messagesOf(out)[1]?.session).toMatchObject({ client, server });
  });

  test("ExchangeStage joins the two hops of a relay to two sessions", () => {
    const [a, relay, b] = [process(1), process(2), process(3)];
    const aUp = channel("aUp", a, relay);
    const aDown = channel("aDown", relay, a);
    const bUp = channel("bUp", relay, b);
    const bDown = channel("bDown", b, relay);
    const out = run([
      message(aUp, 1, INITIALIZE),
      message(bUp, 2, INITIALIZE),
      message(bDown, 3, INITIALIZED),
      message(aDown, 4, INITIALIZED),
    ]);
    expect(messagesOf(out).map((line) => line.session.id)).toEqual(["aUp", "bUp", "bUp", "aUp"]);
  });

  test("ExchangeStage joins an answer that another process reads, as in echo | server | jq", () => {
    const [echo, server, jq] = [process(1), process(2), process(3)];
    const up = channel("up", echo, server);
    const down = channel("down", server, jq);
    const out = run([
      exited(echo, 0, 0),
      message(up, 1, request(1, "tools/list")),
      closed(up, 2),
      { kind: "tick", timeNs: 60 * SECOND },
      message(down, 61 * SECOND, result(1, { tools: [] })),
    ]);
    expect(pairsOf(out)).toEqual([["1", "1", undefined]]);
    expect(messagesOf(out)[1]).toMatchObject({
      from: server,
      to: jq,
      direction: "server-to-client",
    });
    expect(messagesOf(out)[1]?.session.client).toBe(echo);
  });

  test("ExchangeStage joins a server's log line that another process reads", () => {
    const [echo, server, jq] = [process(1), process(2), process(3)];
    const up = channel("up", echo, server);
    const down = channel("down", server, jq);
    const out = run([
      message(up, 1, request(1, "tools/list")),
      message(down, 2, notification("notifications/message", { level: "info", data: "x" })),
      message(down, 3, result(1, { tools: [] })),
    ]);
    expect(messagesOf(out).map((line) => line.session.id)).toEqual(["up", "up", "up"]);
    expect(callsOf(out)).toHaveLength(1);
  });

  test("ExchangeStage starts a session anew when the next client opens a named pipe", () => {
    const server = process(9);
    const [one, two] = [process(1), process(2)];
    const fifo = channel("fifo:1", one, server, "fifo");
    const out = run([
      message(fifo, 1, INITIALIZE),
      exited(one, 2, 0),
      message(fifo, 3, INITIALIZE, { sender: two }),
    ]);
    expect(sessionsOf(out).map((line) => [line.event, line.session.id])).toEqual([
      ["start", "fifo:1"],
      ["end", "fifo:1"],
      ["start", "fifo:1~2"],
    ]);
  });

  test("ExchangeStage keeps one session for several writers of one pipe, each named", () => {
    const { client, up } = pair();
    const child = process(50);
    const out = run([
      message(up, 1, INITIALIZE),
      message(up, 2, request(1, "tools/list"), { sender: child }),
      message(up, 3, request(2, "tools/list"), { sender: client }),
    ]);
    expect(messagesOf(out).map((line) => pidOf(line.from))).toEqual([100, 50, 100]);
    expect(sessionsOf(out).map((line) => line.event)).toEqual(["start"]);
  });
});
