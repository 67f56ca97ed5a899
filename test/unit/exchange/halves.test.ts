import { describe, expect, test } from "bun:test";
import type { Process } from "../../../src/capture/types.ts";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import {
  callsOf,
  channel,
  message,
  messagesOf,
  notification,
  process,
  request,
  result,
  run,
  sessionsOf,
} from "./build.ts";

function kin(pid: number, ancestors: readonly number[], groupId?: number): Process {
  return { ...process(pid), ancestors, groupId };
}

/** client ─ tee ─ server ─ tee ─ client: the four pipes of `tee in.log | server | tee out.log`. */
function pipeline(client: Process, [before, server, after]: readonly [Process, Process, Process]) {
  const pid = before.pid;
  return {
    toTee: channel(`pipe:${pid}1`, client, before),
    toServer: channel(`pipe:${pid}2`, before, server),
    fromServer: channel(`pipe:${pid}3`, server, after),
    fromTee: channel(`pipe:${pid}4`, after, client),
  };
}

/** A request and its answer on all four. */
function ask(p: ReturnType<typeof pipeline>, at: number, id: number) {
  return [
    message(p.toTee, at, request(id, "tools/list")),
    message(p.toServer, at + 1, request(id, "tools/list")),
    message(p.fromServer, at + 2, result(id, { tools: [] })),
    message(p.fromTee, at + 3, result(id, { tools: [] })),
  ];
}

const CLIENT = 10;

describe("ExchangeStage pairs two channels whose other end is two processes", () => {
  test("of one shell, however many clients' servers have equal ids", () => {
    const client = kin(CLIENT, [1]);
    const one = pipeline(client, [kin(21, [20, CLIENT]), kin(22, [20, CLIENT]), kin(23, [20, 10])]);
    const two = pipeline(client, [kin(31, [30, CLIENT]), kin(32, [30, CLIENT]), kin(33, [30, 10])]);
    const [a, b, c, d] = ask(one, 10, 1);
    const [e, f, g, h] = ask(two, 20, 1);
    const items = [a, e, b, f, c, g, h, d].filter((each) => each !== undefined);
    const out = run(items);
    expect(callsOf(out).map(({ session, outcome }) => [session.id, outcome])).toEqual([
      ["pipe:212", "ok"],
      ["pipe:312", "ok"],
      ["pipe:311", "ok"],
      ["pipe:211", "ok"],
    ]);
    expect(messagesOf(out).flatMap(({ flags }) => flags)).not.toContain("unmatched_response");
  });

  test("that the client itself began: what is asked at one comes back from the other", () => {
    const client = kin(CLIENT, [1]);
    const p = pipeline(client, [kin(21, [CLIENT]), kin(22, [CLIENT]), kin(23, [CLIENT])]);
    const out = run(ask(p, 10, 1));
    expect(callsOf(out).map(({ outcome }) => outcome)).toEqual(["ok", "ok"]);
    expect(sessionsOf(out).filter(({ event }) => event === "start")).toHaveLength(2);
  });

  test("of one process group, though the shell is gone and the server speaks first", () => {
    const client = kin(CLIENT, [1], 10);
    const p = pipeline(client, [kin(21, [1], 21), kin(22, [1], 21), kin(23, [1], 21)]);
    const out = run([
      message(p.fromTee, 5, notification("notifications/message", { level: "info" })),
      message(p.toTee, 6, request(1, "tools/list")),
      message(p.fromTee, 9, result(1, { tools: [] })),
    ]);
    expect(callsOf(out).map(({ session, outcome }) => [session.id, outcome])).toEqual([
      ["pipe:214", "ok"],
    ]);
  });

  test("at both ends: gen | tee | server | tee | jq", () => {
    const [gen, jq] = [kin(5, [2]), kin(6, [2])];
    const [before, server, after] = [kin(21, [2]), kin(22, [2]), kin(23, [2])];
    const p = pipeline(gen, [before, server, after]);
    const fromTee = channel("pipe:99", after, jq);
    const out = run(ask({ ...p, fromTee }, 10, 1));
    expect(callsOf(out).map(({ session, outcome }) => [session.id, outcome])).toEqual([
      ["pipe:212", "ok"],
      ["pipe:211", "ok"],
    ]);
  });
});

describe("ExchangeStage keeps two channels apart", () => {
  test("whose other ends are two servers of one client", () => {
    const client = kin(CLIENT, [1], 10);
    const [one, two] = [kin(21, [CLIENT], 10), kin(31, [CLIENT], 10)];
    const out = run([
      message(channel("pipe:1", client, one), 1, request(1, "tools/list")),
      message(channel("pipe:2", two, client), 2, result(1, { tools: [] })),
      message(channel("pipe:3", client, two), 3, request(2, "tools/list")),
    ]);
    expect(messagesOf(out).map(({ session }) => session.id)).toEqual([
      "pipe:1",
      "pipe:2",
      "pipe:2",
    ]);
    expect(callsOf(out)).toEqual([]);
  });

  test("of which two of one branch wait and none has asked for this answer", () => {
    const client = kin(CLIENT, [1]);
    const stage = new ExchangeStage({ allJsonrpc: false });
    const out = run(
      [
        message(channel("pipe:1", client, kin(21, [20, CLIENT])), 1, request(1, "tools/list")),
        message(channel("pipe:2", client, kin(22, [20, CLIENT])), 2, request(2, "tools/list")),
        message(channel("pipe:3", kin(23, [20, CLIENT]), client), 3, result(9, { tools: [] })),
      ],
      stage,
    );
    expect(callsOf(out)).toEqual([]);
  });
});
