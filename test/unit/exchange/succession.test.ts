import { expect, test } from "bun:test";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import {
  callsOf,
  channel,
  closed,
  exited,
  INITIALIZE,
  INITIALIZED,
  killed,
  message,
  pair,
  pidOf,
  process,
  request,
  result,
  run,
  SECOND,
  sessionsOf,
  tick,
} from "./build.ts";

/** A session between two pipes whose other ends a supervisor holds, too. */
function supervised() {
  const p = pair();
  const next = process(300);
  const up = Object.assign(p.up, { heirs: { canRead: true, canWrite: false } });
  const down = Object.assign(p.down, { heirs: { canRead: false, canWrite: true } });
  const stage = new ExchangeStage({ allJsonrpc: false });
  const talk = [message(up, 1, INITIALIZE), message(down, 2, INITIALIZED)];
  return { ...p, up, down, next, stage, talk };
}

/** From here on this process is the other end of both pipes. */
function takeOver({ up, down, next }: ReturnType<typeof supervised>) {
  up.reader = next;
  down.writer = next;
}

test("a server that is started again on the same pipes goes on with the session, which says who left", () => {
  const s = supervised();
  const before = run([...s.talk, exited(s.server, 5, 3)], s.stage);
  takeOver(s);
  const after = run(
    [message(s.up, 10, INITIALIZE), message(s.down, 11, INITIALIZED), closed(s.up, 20)],
    s.stage,
  );
  const end = run([exited(s.client, 21, 0), closed(s.down, 22), tick(60 * SECOND)], s.stage);
  expect(sessionsOf(before).map(({ event }) => event)).toEqual(["start", "update"]);
  expect(sessionsOf(after).filter(({ left }) => left !== undefined)).toMatchObject([
    { event: "update", session: { server: { pid: 300 } }, left: { pid: 101, exit: { code: 3 } } },
  ]);
  expect(sessionsOf(end)).toMatchObject([
    { event: "end", session: { endReason: "client exited with code 0", server: { pid: 300 } } },
  ]);
  expect(s.stage.residue).toBe(0);
});

test("calls that a dead server had read end at its death, and an equal id is its successor's", () => {
  const s = supervised();
  const first = run(
    [
      ...s.talk,
      message(s.up, 3, request(7, "tools/call", { name: "old" })),
      killed(s.server, 5, 9),
    ],
    s.stage,
  );
  takeOver(s);
  const out = run(
    [
      message(s.up, 10, request(7, "tools/call", { name: "new" })),
      message(s.down, 11, result(7, { content: [] })),
    ],
    s.stage,
  );
  expect(callsOf(first)).toHaveLength(1);
  expect(callsOf(out)).toMatchObject([
    {
      target: "old",
      outcome: "unanswered",
      timeNs: 5,
      session: { server: { pid: 101 }, endReason: "server was killed by SIGKILL" },
    },
    { target: "new", outcome: "ok", timeNs: 11 },
  ]);
});

test("the last answer of a dead server that lay unread is its answer", () => {
  const s = supervised();
  run([...s.talk, message(s.up, 3, request(7, "tools/list")), exited(s.server, 5, 0)], s.stage);
  s.up.reader = s.next;
  const out = run(
    [
      message(s.up, 10, request(8, "tools/list")),
      message(s.down, 11, result(7, { tools: [] }), { sender: s.server }),
    ],
    s.stage,
  );
  expect(callsOf(out)).toMatchObject([{ request: { idText: "7" }, outcome: "ok" }]);
});

test("without a successor the calls of a dead server end 2 s after it, while somebody holds the pipes", () => {
  const s = supervised();
  run(
    [...s.talk, message(s.up, 3, request(7, "tools/list")), killed(s.server, SECOND, 9)],
    s.stage,
  );
  expect(callsOf(run([tick(2 * SECOND)], s.stage))).toEqual([]);
  const out = run([tick(4 * SECOND)], s.stage);
  expect(callsOf(out)).toMatchObject([{ outcome: "unanswered", timeNs: SECOND }]);
  expect(sessionsOf(out)).toEqual([]);
  const end = run([exited(s.client, 9 * SECOND, 0), tick(20 * SECOND)], s.stage);
  expect(sessionsOf(end)).toMatchObject([
    { event: "end", openCalls: 0, session: { endReason: "server was killed by SIGKILL" } },
  ]);
});

test("what one worker has read and another one answers is answered, though the first is gone", () => {
  const s = supervised();
  const worker = process(301);
  run(
    [
      ...s.talk,
      message(Object.assign(s.up, { reader: worker }), 3, request(7, "tools/list")),
      exited(worker, 4, 0),
      tick(60 * SECOND),
    ],
    s.stage,
  );
  const out = run([message(s.down, 61 * SECOND, result(7, { tools: [] }))], s.stage);
  expect(callsOf(out)).toMatchObject([{ outcome: "ok" }]);
  expect(pidOf(callsOf(out)[0]?.session.server)).toBe(101);
});

test("a client that becomes another program is said, with its new command line", () => {
  const client = process(10, ["sh", "-c", "agent"]);
  const server = process(11);
  const up = channel("pipe:1", client, server);
  const stage = new ExchangeStage({ allJsonrpc: false });
  run([message(up, 1, INITIALIZE)], stage);
  Object.assign(client, { comm: "agent", commandLine: ["agent"] });
  const out = run([message(up, 2, request(1, "tools/list"))], stage);
  expect(sessionsOf(out)).toMatchObject([
    { event: "update", session: { client: { pid: 10, commandLine: ["agent"] } }, left: undefined },
  ]);
});
