import { expect, test } from "bun:test";
import type { EffectLine, ExchangeItem } from "../../../src/exchange/types.ts";
import { CallEffects } from "../../../src/live/call-effects.ts";
import { callAnswer, callRequest, server, TIME_NS } from "../sinks/items.ts";
import { processes } from "../stream/events.ts";

const MS = 1_000_000;

/** A call of `server` that is read at TIME_NS and answered 20 ms later; its call line has a copy of the request. */
function call() {
  const request = callRequest();
  const answer = callAnswer();
  const message = {
    ...answer.message,
    frame: { ...answer.message.frame, timeNs: TIME_NS + 20 * MS, sentNs: undefined },
  };
  const said = { ...answer, message };
  const line: ExchangeItem = {
    kind: "call",
    session: request.session,
    direction: "client-to-server",
    request: { ...request.message, body: undefined },
    response: message,
    method: "tools/call",
    target: "get_weather",
    outcome: "ok",
    chain: undefined,
    progressCount: 0,
    logCount: 0,
    timeNs: TIME_NS + 20 * MS,
    durationMs: 20,
    serverMs: undefined,
  };
  return { request, said, line };
}

function setUp() {
  const directory = processes();
  const served: number[] = [];
  const effects = new CallEffects(directory, (pid) => void served.push(pid));
  const start = (pid: number, parentPid: number, ms: number, ...commandLine: string[]) => {
    const startNs = TIME_NS + pid * MS;
    const timeNs = TIME_NS + ms * MS;
    const event = { pid, startNs, timeNs, cgroupId: 0n };
    effects.push({ kind: "fork", ...event, parentPid });
    directory.exec({ kind: "exec", ...event, comm: commandLine[0] ?? "", commandLine });
    effects.push({ kind: "exec", ...event, comm: commandLine[0] ?? "", commandLine });
  };
  return { effects, served, start };
}

test("CallEffects puts what a call caused on its answer and on its line", () => {
  const { effects, start, served } = setUp();
  const { request, said, line } = call();
  expect(effects.join([request])).toEqual([request]);
  start(90, server.pid, 5, "git", "status");
  const joined = effects.join([said, line]);
  const caused = [expect.objectContaining({ kind: "exec", argv: ["git", "status"] })];
  expect(joined).toEqual([
    { ...said, effects: caused },
    { ...line, effects: caused },
  ]);
  expect(served).toEqual([server.pid]);
});

test("CallEffects leaves lines alone of a call that caused nothing", () => {
  const { effects, start } = setUp();
  const { request, said, line } = call();
  effects.join([request]);
  start(90, 1, 5, "cron");
  expect(effects.join([said, line])).toEqual([said, line]);
});

test("CallEffects tells in lines of their own what comes after the call", () => {
  const { effects, start } = setUp();
  const { request, said, line } = call();
  effects.join([request]);
  start(90, server.pid, 5, "daemon");
  effects.join([said, line]);
  start(91, 90, 5000, "child");
  effects.push({ kind: "tick", timeNs: TIME_NS + 9000 * MS });
  expect(effects.take()).toEqual([
    {
      kind: "effect",
      session: request.session,
      idText: "7",
      method: "tools/call",
      target: "get_weather",
      effect: expect.objectContaining({ kind: "exec", argv: ["child"] }),
      timeNs: TIME_NS + 5000 * MS,
    } satisfies EffectLine,
  ]);
  expect([...effects.take(), ...effects.end()]).toEqual([]);
});

test("CallEffects leaves out calls of servers elsewhere, and those that a server makes", () => {
  const { effects, start } = setUp();
  const { request, said, line } = call();
  effects.join([{ ...request, to: { address: "10.0.0.9" } }]);
  start(90, server.pid, 5, "git");
  expect(effects.join([said, line])).toEqual([said, line]);
  effects.join([{ ...request, direction: "server-to-client" }]);
  start(91, server.pid, 6, "git");
  expect(effects.join([said, line])).toEqual([said, line]);
});
