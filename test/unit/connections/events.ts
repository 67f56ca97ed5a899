/** Events of connections with made-up defaults, and a stage that hears them. */
import type { ConnectionEvent } from "../../../src/capture/types.ts";
import {
  type ConnectionInput,
  ConnectionStage,
} from "../../../src/connections/connection-stage.ts";
import type { Connection, ConnectionLine } from "../../../src/connections/types.ts";
import { processes } from "../stream/events.ts";

export const MS = 1_000_000;
export const CLIENT = { address: "10.0.0.1", port: 40_000 };
export const SERVER = { address: "10.0.0.2", port: 443 };

/** Of an outgoing TCP connection that began at 10 ms, by process 7. */
export function event(over: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return {
    kind: "connection",
    what: "outcome",
    timeNs: 22 * MS,
    socket: 100,
    startNs: 10 * MS,
    establishedNs: 22 * MS,
    pid: 7,
    ownerStartNs: 7000,
    comm: "curl",
    sent: 0,
    received: 0,
    inode: 900,
    peerSocket: 0,
    peerPid: 0,
    isAccepted: false,
    isBefore: false,
    finSent: false,
    finReceived: false,
    isReset: false,
    isFailed: false,
    listens: false,
    errno: undefined,
    state: 1,
    previous: 2,
    netns: 1,
    family: "inet",
    socketType: "stream",
    protocol: "tcp",
    local: CLIENT,
    remote: SERVER,
    path: "",
    ...over,
  };
}

export function end(over: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return event({ what: "end", timeNs: 50 * MS, state: 7, previous: 5, finSent: true, ...over });
}

export function failure(errno: string | undefined, over: Partial<ConnectionEvent> = {}) {
  return event({
    timeNs: 30 * MS,
    establishedNs: undefined,
    isFailed: true,
    errno,
    state: 7,
    ...over,
  });
}

export function udp(over: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return event({ protocol: "udp", socketType: "dgram", state: 0, previous: 0, ...over });
}

export function unix(over: Partial<ConnectionEvent> = {}): ConnectionEvent {
  const nowhere = { address: "::", port: 0 };
  return event({
    protocol: "unix",
    family: "unix",
    path: "/run/x.sock",
    local: nowhere,
    remote: nowhere,
    state: 0,
    previous: 0,
    ...over,
  });
}

export function setUp() {
  const directory = processes();
  const begun: Connection[] = [];
  const stage = new ConnectionStage(directory, {
    onBegin: (connection) => void begun.push(connection),
  });
  return {
    stage,
    begun,
    directory,
    hear: (...events: readonly ConnectionInput[]): ConnectionLine[] =>
      events.flatMap((each) => stage.push(each)),
  };
}

/** What a line says in few words. */
export function brief({ event: what, connection }: ConnectionLine): string {
  const { id, outcome, errno, closedBy, process } = connection;
  return [what, id, process?.pid ?? "-", outcome, errno ?? "", closedBy ?? ""].join(" ").trimEnd();
}
