import { describe, expect, test } from "bun:test";
import type { Process } from "../../../src/capture/types.ts";
import { ServerGate } from "../../../src/delivery/server-gate.ts";
import type { CoverageLine, PartyInfo, Session, SessionLine } from "../../../src/exchange/types.ts";
import { httpLine } from "../sinks/http-items.ts";

const PROCESS: Process = {
  pid: 1,
  startNs: 0,
  comm: "node",
  commandLine: [],
  containerId: undefined,
  exit: undefined,
};

function session(id: string, serverInfo?: PartyInfo): Session {
  return {
    id,
    transport: "stdio",
    client: PROCESS,
    server: PROCESS,
    httpSessionId: undefined,
    authority: undefined,
    clientInfo: undefined,
    serverInfo,
    protocolVersion: undefined,
    era: undefined,
    clientCapabilities: undefined,
    serverCapabilities: undefined,
    startNs: 0,
    endNs: undefined,
    endReason: undefined,
    lateAttach: false,
  };
}

function line(of: Session, event: SessionLine["event"], timeNs: number): SessionLine {
  return { kind: "session", event, session: of, timeNs, messages: 0, openCalls: 0 };
}

const COVERAGE: CoverageLine = {
  kind: "coverage",
  reason: "io_uring",
  channel: undefined,
  process: undefined,
  bytes: 0,
  timeNs: 5,
};
const NAME = { name: "git", version: undefined };

describe("ServerGate", () => {
  test("ServerGate holds a session until its server is named, and lets the rest pass", () => {
    const gate = new ServerGate();
    const unnamed = line(session("a"), "start", 1);
    const named = line(session("a", NAME), "update", 2);
    expect(gate.pass([unnamed, COVERAGE])).toEqual([COVERAGE]);
    // released, it bears the name by which the filter judges it
    const { serverInfo } = named.session;
    const renamed = { ...unnamed, session: { ...unnamed.session, serverInfo } };
    expect(gate.pass([named])).toEqual([renamed, named]);
    expect(gate.pass([unnamed])).toEqual([unnamed]);
  });

  test("ServerGate judges a session that ends without a name", () => {
    const gate = new ServerGate();
    const start = line(session("a"), "start", 1);
    const end = line(session("a"), "end", 2);
    expect(gate.pass([start])).toEqual([]);
    expect(gate.pass([end])).toEqual([start, end]);
  });

  test("ServerGate forgets an ended session, and gives out what it holds at the end", () => {
    const gate = new ServerGate();
    const start = line(session("a"), "start", 1);
    gate.pass([line(session("a", NAME), "start", 0), line(session("a", NAME), "end", 0)]);
    expect(gate.pass([start])).toEqual([]);
    expect(gate.release()).toEqual([start]);
    expect(gate.release()).toEqual([]);
  });

  test("ServerGate holds 32 items at most", () => {
    const gate = new ServerGate();
    const items = Array.from({ length: 40 }, (_, index) => line(session("a"), "update", index));
    expect(gate.pass(items.slice(0, 31))).toEqual([]);
    expect(gate.pass(items.slice(31))).toEqual(items);
  });

  test("ServerGate holds an exchange without a message no longer than it must", () => {
    const gate = new ServerGate();
    const start = line(session("a"), "start", 1);
    const failed = httpLine({ session: session("a") });
    const stray = httpLine();
    expect(gate.pass([start, stray])).toEqual([stray]);
    expect(gate.pass([failed])).toEqual([start, failed]);
  });
});
