/** Records in arrays in, the answers of a history out: for tests of the server alone. What SQLite answers is tested with it. */

import type {
  CallDetail,
  CallMessage,
  CallRecord,
  ConnectionRecord,
  CoverageRecord,
  EffectRecord,
  Failures,
  History,
  Page,
  PageAsked,
  PartyRecord,
  SessionRecord,
} from "../../../src/store/types.ts";
import { at, textAt } from "../../e2e/json.ts";

export class MemoryHistory implements History {
  readonly sessionRecords: SessionRecord[] = [];
  readonly callRecords: CallRecord[] = [];
  readonly connectionRecords: ConnectionRecord[] = [];
  readonly messages = new Map<string, CallMessage[]>();
  readonly effects = new Map<string, EffectRecord[]>();
  failuresFound: Failures = NO_FAILURES;
  coverageFound: CoverageRecord = FULL_COVERAGE;
  revision = 0;

  sessions: History["sessions"] = (filter, page) =>
    paged(
      this.sessionRecords.filter(
        (session) =>
          (filter.server === undefined || session.server.name.includes(filter.server)) &&
          (filter.client === undefined || session.client.name.includes(filter.client)) &&
          (filter.transport === undefined || session.transport === filter.transport) &&
          (filter.isOpen === undefined || (session.endMs === undefined) === filter.isOpen) &&
          (filter.sinceMs === undefined ||
            (session.endMs ?? Number.POSITIVE_INFINITY) >= filter.sinceMs),
      ),
      page,
    );

  session: History["session"] = (id) => this.sessionRecords.find((session) => session.id === id);

  calls: History["calls"] = (filter, page) =>
    paged(
      this.callRecords.filter(
        (call) =>
          (filter.sessionId === undefined || call.sessionId === filter.sessionId) &&
          (filter.method === undefined || call.method === filter.method) &&
          (filter.target === undefined || call.target === filter.target) &&
          (filter.server === undefined || call.serverName.includes(filter.server)) &&
          (filter.statuses === undefined || filter.statuses.includes(call.status)) &&
          (filter.sinceMs === undefined || call.startMs >= filter.sinceMs) &&
          (filter.minDurationMs === undefined || (call.durationMs ?? 0) >= filter.minDurationMs) &&
          (filter.reachedHost === undefined || this.#reached(call.id, filter.reachedHost)),
      ),
      page,
    );

  call: History["call"] = (id, { maxMessages, maxEffects, maxChars }): CallDetail | undefined => {
    const call = this.callRecords.find((each) => each.id === id);
    if (call === undefined) return undefined;
    const all = this.messages.get(id) ?? [];
    const messages = [...all.slice(0, maxMessages - 1), ...all.slice(-1)].slice(0, all.length);
    const effects = this.effects.get(id) ?? [];
    return {
      call,
      session: this.session(call.sessionId),
      messages: messages.map((message) => ({
        ...message,
        text: message.text.slice(0, maxChars),
        isCut: message.isCut || message.text.length > maxChars,
      })),
      moreMessages: all.length - messages.length,
      effects: effects.slice(0, maxEffects),
      moreEffects: Math.max(0, effects.length - maxEffects),
    };
  };

  connections: History["connections"] = (filter, page) =>
    paged(
      this.connectionRecords.filter(
        (connection) =>
          (filter.pid === undefined || connection.pid === filter.pid) &&
          (filter.comm === undefined || connection.comm === filter.comm) &&
          (filter.host === undefined ||
            [connection.remoteAddress, connection.hostName].includes(filter.host)) &&
          (filter.direction === undefined || connection.direction === filter.direction) &&
          (filter.outcomes === undefined || filter.outcomes.includes(connection.outcome)) &&
          (filter.sinceMs === undefined || connection.startMs >= filter.sinceMs),
      ),
      page,
    );

  connectionSummary: History["connectionSummary"] = (filter) => {
    const all = { before: undefined, limit: 1000 };
    const { items } = this.connections({ ...filter, direction: "outgoing" }, all);
    const known = items.flatMap(({ latencyMs }) => latencyMs ?? []).sort((a, b) => a - b);
    const failed = items.filter((each) => each.outcome === "refused");
    return {
      attempts: items.length,
      successes: items.filter((each) => each.wasEstablished).length,
      inProgress: items.filter((each) => each.outcome === "in_progress").length,
      failures:
        failed.length === 0
          ? []
          : [{ outcome: "refused", errno: "ECONNREFUSED", count: failed.length }],
      avgLatencyMs:
        known.length === 0 ? undefined : known.reduce((a, b) => a + b, 0) / known.length,
      p50LatencyMs: known[Math.floor((known.length - 1) / 2)],
      p95LatencyMs: known[Math.floor((known.length - 1) * 0.95)],
      sentBytes: items.reduce((sum, each) => sum + each.sentBytes, 0),
      receivedBytes: items.reduce((sum, each) => sum + each.receivedBytes, 0),
    };
  };

  coverage: History["coverage"] = () => this.coverageFound;
  failures: History["failures"] = () => this.failuresFound;

  latest: History["latest"] = () => ({
    sessionRow: this.sessionRecords.at(-1)?.row ?? 0,
    callRow: this.callRecords.at(-1)?.row ?? 0,
    connectionRow: this.connectionRecords.at(-1)?.row ?? 0,
    revision: this.revision,
  });

  #reached(id: string, host: string): boolean {
    return (this.effects.get(id) ?? []).some(
      (effect) =>
        effect.kind === "connect" &&
        [effect.connection.hostName, effect.connection.remoteAddress].includes(host),
    );
  }
}

function paged<Item extends { readonly row: number }>(
  items: readonly Item[],
  { before, limit }: PageAsked,
): Page<Item> {
  const newest = items.filter(({ row }) => before === undefined || row < before).toReversed();
  return { items: newest.slice(0, limit), more: newest.length > limit };
}

const NO_FAILURES: Failures = {
  calls: 0,
  connections: 0,
  callFailures: [],
  moreCallFailures: 0,
  connectionFailures: [],
  moreConnectionFailures: 0,
  slowest: [],
  waiting: [],
};

const FULL_COVERAGE: CoverageRecord = {
  runs: [
    {
      startMs: Date.UTC(2026, 10, 20, 12),
      endMs: undefined,
      frontEnd: "fexit",
      kernel: "6.12.0",
      exact: true,
      version: "0.1.0",
    },
  ],
  lastHeardMs: undefined,
  sessions: 0,
  calls: 0,
  messages: 0,
  connections: 0,
  losses: [],
  notHeard: [],
  noise: [],
  droppedRows: 0,
  removedRows: 0,
  ownSessions: 0,
  bodyLimitBytes: 65_536,
  isRedacted: false,
  recordsFiles: false,
};

/** 2026-11-20T12:00:00Z */
export const START_MS = Date.UTC(2026, 10, 20, 12);

export function party(name: string, pid: number | undefined = 100): PartyRecord {
  return {
    name,
    version: "1.0.0",
    pid,
    comm: "node",
    commandLine: ["node", `${name}.js`],
    containerId: undefined,
    address: undefined,
  };
}

export function session(row: number, more: Partial<SessionRecord> = {}): SessionRecord {
  return {
    row,
    id: `s${row}`,
    transport: "stdio",
    client: party("agent", 100),
    server: party("weather", 200),
    protocolVersion: "2025-11-25",
    era: "legacy",
    startMs: START_MS + row * 1000,
    endMs: undefined,
    endReason: undefined,
    messages: 4,
    calls: 2,
    failedCalls: 0,
    ...more,
  };
}

export function call(row: number, more: Partial<CallRecord> = {}): CallRecord {
  return {
    row,
    id: `c${row}`,
    sessionId: "s1",
    clientName: "agent",
    serverName: "weather",
    direction: "client-to-server",
    method: "tools/call",
    target: "forecast",
    status: "ok",
    startMs: START_MS + row * 1000,
    durationMs: 12.3456,
    serverMs: 11,
    errorCode: undefined,
    errorText: undefined,
    requestBytes: 100,
    responseBytes: 2000,
    effects: { exec: 0, fork: 0, connect: 0, file: 0 },
    ...more,
  };
}

export function connection(row: number, more: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    row,
    id: `n${row}`,
    pid: 300,
    comm: "curl",
    commandLine: ["curl", "https://api.example.com"],
    containerId: undefined,
    direction: "outgoing",
    protocol: "tcp",
    family: "inet",
    socketType: "stream",
    localAddress: "10.0.0.2",
    localPort: 40_000 + row,
    remoteAddress: "93.184.216.34",
    remotePort: 443,
    path: undefined,
    hostName: "api.example.com",
    hostNameSource: "dns",
    startMs: START_MS + row * 1000,
    startNs: 5_000_000_000 + row,
    openBefore: false,
    outcome: "closed",
    errno: undefined,
    wasEstablished: true,
    latencyMs: 20,
    endMs: START_MS + row * 1000 + 250,
    sentBytes: 517,
    receivedBytes: 4096,
    closedBy: "local",
    callId: undefined,
    ...more,
  };
}

export function message(type: CallMessage["type"], text: string): CallMessage {
  const fromClient = type === "request";
  return {
    timeMs: START_MS,
    type,
    method: fromClient ? "tools/call" : undefined,
    from: fromClient ? "agent" : "weather",
    to: fromClient ? "weather" : "agent",
    text,
    bytes: text.length,
    isCut: false,
  };
}

/** The text of a tool's answer. */
export function textOf(result: unknown): string {
  const [first] = listAt(result, "content");
  return textAt(first, "text");
}

export function listAt(value: unknown, key: string): readonly unknown[] {
  const found = at(value, key);
  if (!Array.isArray(found)) throw new Error(`no list at ${key}`);
  return found;
}
