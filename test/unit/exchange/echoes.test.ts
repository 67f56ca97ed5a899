import { expect, test } from "bun:test";
import {
  coverageOf,
  INITIALIZE,
  INITIALIZED,
  message,
  messagesOf,
  notification,
  pair,
  request,
  result,
  run,
  sessionsOf,
} from "./build.ts";

const READY = notification("notifications/initialized");

test("ExchangeStage takes what a terminal sends back for no message, and says so once [stdio/echo]", () => {
  const { client, server, up, down } = pair();
  const out = run([
    message(up, 1, INITIALIZE),
    message(down, 2, INITIALIZE),
    message(down, 3, INITIALIZED),
    message(up, 4, READY),
    message(up, 5, request(1, "tools/list")),
    message(down, 6, READY),
    message(down, 7, request(1, "tools/list")),
    message(down, 8, result(1, {})),
  ]);
  expect(messagesOf(out).map(({ message: { type }, durationMs }) => [type, durationMs])).toEqual([
    ["request", undefined],
    ["response", 0.000002],
    ["notification", undefined],
    ["request", undefined],
    ["response", 0.000003],
  ]);
  expect(coverageOf(out)).toMatchObject([{ reason: "terminal_echo", channel: down }]);
  expect(sessionsOf(out).map(({ session }) => [session.client, session.server])).toEqual([
    [client, server],
    [client, server],
  ]);
});

test.each([
  ["with another id", request(2, "tools/list")],
  ["that both sides may make", request(1, "ping")],
])("ExchangeStage takes a request of the server %s for its own", (_name, asked) => {
  const { up, down } = pair();
  const out = run([
    message(up, 1, INITIALIZE),
    message(down, 2, INITIALIZED),
    message(up, 3, request(1, "tools/list")),
    message(up, 3, request(1, "ping")),
    message(down, 4, asked),
  ]);
  expect(messagesOf(out)).toHaveLength(5);
  expect(coverageOf(out)).toEqual([]);
});

test("ExchangeStage takes the same handshake between two other processes for a session of its own", () => {
  const [one, two] = [pair(100), pair(200)];
  const out = run([message(one.up, 1, INITIALIZE), message(two.up, 2, INITIALIZE)]);
  expect(messagesOf(out)).toHaveLength(2);
  expect(sessionsOf(out)).toHaveLength(2);
});
