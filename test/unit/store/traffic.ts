/** Made-up traffic for the store's tests and bench: many sessions, calls with effects, connections; the same each time. */
import type { Channel, Process } from "../../../src/capture/types.ts";
import type { Connection, ConnectionLine, Outcome } from "../../../src/connections/types.ts";
import type { Effect } from "../../../src/effects/types.ts";
import type { CallLine, CallOutcome, ExchangeItem, Session } from "../../../src/exchange/types.ts";
import type { Frame } from "../../../src/framing/types.ts";
import type { Message } from "../../../src/message/types.ts";

export interface TrafficOptions {
  readonly calls: number;
  readonly startNs: number;
  /** From the first call to the last. */
  readonly lastsNs: number;
  readonly sessions?: number;
  readonly bodyChars?: number;
}

type CallWithEffects = CallLine & { readonly effects: readonly Effect[] };

const FAILURES: readonly CallOutcome[] = ["error", "tool_error", "cancelled", "unanswered"];
const SERVERS = ["git", "weather", "files", "search", "mail", "shell", "maps", "notes"];
const TOOLS_EACH = 6;
const HOSTS = Array.from({ length: 60 }, (_, index) => `api${index}.example.com`);

/** Numbers from 0 to 1 that look random: a linear congruential generator. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** Batches of items, a hundred calls each, in the order of time. */
export function* traffic(options: TrafficOptions): Generator<readonly ExchangeItem[]> {
  const { calls, startNs, lastsNs, sessions: count = 40, bodyChars = 120 } = options;
  const random = randomFrom(7);
  const talks = Array.from({ length: count }, (_, index) => makeTalk(index, startNs));
  let batch: ExchangeItem[] = talks.map(({ session }) => ({
    kind: "session",
    event: "start",
    session,
    timeNs: startNs,
    messages: 0,
    openCalls: 0,
  }));
  for (let index = 0; index < calls; index++) {
    const timeNs = startNs + Math.floor((index / calls) * lastsNs);
    const talk = talks[Math.floor(random() * talks.length)];
    if (talk !== undefined) batch.push(...callOf(talk, index, timeNs, random, bodyChars));
    if (index % 100 < 99) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

interface Talk {
  readonly session: Session;
  readonly client: Process;
  readonly server: Process;
  readonly there: Channel;
  readonly back: Channel;
  seq: number;
}

function makeTalk(index: number, startNs: number): Talk {
  const client = makeProcess(1000 + index * 2, "agent", ["agent", "--chat"], startNs);
  const name = SERVERS[index % SERVERS.length] ?? "git";
  const server = makeProcess(1001 + index * 2, "node", ["node", `/srv/${name}.js`], startNs);
  const session: Session = {
    id: `pipe:${index * 2}`,
    transport: "stdio",
    client,
    server,
    httpSessionId: undefined,
    authority: undefined,
    clientInfo: { name: "agent", version: "1" },
    serverInfo: { name, version: "2.1" },
    protocolVersion: "2025-11-25",
    era: "legacy",
    clientCapabilities: "{}",
    serverCapabilities: '{"tools":{}}',
    startNs,
    endNs: undefined,
    endReason: undefined,
    lateAttach: false,
  };
  const there = makeChannel(`pipe:${index * 2}`, client, server);
  const back = makeChannel(`pipe:${index * 2 + 1}`, server, client);
  return { session, client, server, there, back, seq: 0 };
}

function callOf(
  talk: Talk,
  index: number,
  timeNs: number,
  random: () => number,
  bodyChars: number,
): readonly ExchangeItem[] {
  const { session, client, server, there, back } = talk;
  const tool = `${session.serverInfo?.name}_${Math.floor(random() * TOOLS_EACH)}`;
  const isFailed = random() < 0.015;
  const outcome = isFailed ? (FAILURES[Math.floor(random() * FAILURES.length)] ?? "error") : "ok";
  const durationMs = Math.exp(random() * 7);
  const params = `{"name":"${tool}","arguments":{"q":"${"x".repeat(bodyChars)}"}}`;
  const idText = String(index);
  const asked = makeMessage(there, server, client, timeNs, {
    type: "request",
    idText,
    method: "tools/call",
    paramsText: params,
    body: { name: tool, arguments: { q: "x".repeat(bodyChars) } },
    raw: `{"jsonrpc":"2.0","id":${idText},"method":"tools/call","params":${params}}`,
  });
  const endNs = timeNs + durationMs * 1e6;
  const answer = answerOf(outcome, idText, bodyChars);
  const answered = answer && makeMessage(back, client, server, endNs, answer);
  talk.seq += 2;
  const line = { session, target: tool, flags: [], callId: undefined, chain: undefined } as const;
  const times = { serverMs: durationMs * 0.9, queuedMs: 0.02 };
  const said = { direction: "server-to-client", channel: back, from: server, to: client } as const;
  const items: ExchangeItem[] = [
    ...(index % 50 === 0
      ? [
          {
            kind: "noise" as const,
            session,
            ...said,
            text: `call ${index}`,
            lines: 1,
            bytes: 10,
            holdsMessage: index % 100 === 0,
            timeNs,
          },
        ]
      : []),
    {
      kind: "message",
      message: asked,
      ...line,
      seq: talk.seq - 1,
      from: client,
      to: server,
      direction: "client-to-server",
      request: undefined,
      durationMs: undefined,
      serverMs: undefined,
      queuedMs: 0.02,
    },
  ];
  const connection =
    index % 2 === 0 ? makeConnection(index, server, timeNs + 1000, random) : undefined;
  if (connection !== undefined) items.push(lineOf({ ...connection }, "start", timeNs + 2_000_000));
  if (answered !== undefined) {
    items.push({
      kind: "message",
      message: answered,
      ...line,
      seq: talk.seq,
      from: server,
      to: client,
      direction: "server-to-client",
      request: { method: "tools/call", paramsText: params, target: tool },
      durationMs,
      ...times,
    });
  }
  const call: CallWithEffects = {
    kind: "call",
    session,
    direction: "client-to-server",
    request: { ...asked, body: undefined },
    response: answered,
    method: "tools/call",
    target: tool,
    outcome,
    chain: undefined,
    progressCount: 0,
    logCount: 0,
    timeNs: endNs,
    durationMs: answered === undefined ? undefined : durationMs,
    serverMs: answered === undefined ? undefined : times.serverMs,
    effects: effectsOf(index, server, timeNs, connection),
  };
  items.push(call);
  if (connection !== undefined) items.push(...ended(connection, endNs, random));
  return items;
}

function ended(begun: Connection, endNs: number, random: () => number): ExchangeItem[] {
  if (begun.outcome !== "established") return [];
  const sentBytes = Math.floor(random() * 5000);
  const receivedBytes = Math.floor(random() * 50_000);
  const over = { outcome: "closed", endNs, sentBytes, receivedBytes, closedBy: "local" } as const;
  return [lineOf({ ...begun, ...over }, "end", endNs)];
}

function answerOf(outcome: CallOutcome, idText: string, bodyChars: number) {
  switch (outcome) {
    case "cancelled":
    case "unanswered":
      return undefined;
    case "error": {
      const body = { code: -32_602, message: "Invalid params" };
      const errorText = JSON.stringify(body);
      const raw = `{"jsonrpc":"2.0","id":${idText},"error":${errorText}}`;
      return { type: "error", idText, errorText, body, raw } as const;
    }
    default: {
      const text = outcome === "tool_error" ? "no such file" : "y".repeat(bodyChars * 2);
      const body = { content: [{ type: "text", text }], isError: outcome === "tool_error" };
      const resultText = JSON.stringify(body);
      const raw = `{"jsonrpc":"2.0","id":${idText},"result":${resultText}}`;
      return { type: "response", idText, resultText, body, raw } as const;
    }
  }
}

function effectsOf(
  index: number,
  server: Process,
  timeNs: number,
  connection: Connection | undefined,
): readonly Effect[] {
  const base = { timeNs: timeNs + 5000, process: server, candidates: [] };
  return [
    ...(connection === undefined ? [] : [{ ...base, kind: "connect" as const, connection }]),
    ...(index % 10 === 0
      ? [{ ...base, kind: "exec" as const, argv: ["/usr/bin/git", "clone", `r${index % 7}`] }]
      : []),
  ];
}

const BAD: readonly (readonly [Outcome, string])[] = [
  ["refused", "ECONNREFUSED"],
  ["timed_out", "ETIMEDOUT"],
  ["unreachable", "EHOSTUNREACH"],
];

export function makeConnection(
  index: number,
  process: Process | undefined,
  startNs: number,
  random: () => number,
): Connection {
  const [outcome, errno] = random() < 0.02 ? (BAD[index % BAD.length] ?? ["failed", "EIO"]) : [];
  const host = Math.floor(random() * HOSTS.length);
  return {
    id: `c:${index}`,
    process,
    direction: "outgoing",
    protocol: "tcp",
    family: "inet",
    socketType: "stream",
    local: { address: "10.0.0.2", port: 30_000 + (index % 30_000) },
    remote: { address: `93.184.0.${host}`, port: 443 },
    path: undefined,
    peer: undefined,
    startNs,
    openBefore: false,
    outcome: outcome ?? "established",
    errno,
    establishedNs: outcome === undefined ? startNs + 1e6 : undefined,
    latencyMs: outcome === undefined ? Math.exp(random() * 5) : undefined,
    endNs: outcome === undefined ? undefined : startNs + 1e6,
    sentBytes: 0,
    receivedBytes: 0,
    closedBy: undefined,
    names: [{ name: HOSTS[host] ?? "", source: "sni", timeNs: startNs }],
  };
}

export function lineOf(
  connection: Connection,
  event: ConnectionLine["event"],
  timeNs: number,
): ConnectionLine {
  return { kind: "connection", event, connection, timeNs };
}

function makeProcess(
  pid: number,
  comm: string,
  commandLine: readonly string[],
  startNs: number,
): Process {
  return {
    pid,
    startNs: startNs - 1e9,
    comm,
    commandLine,
    containerId: undefined,
    exit: undefined,
  };
}

function makeChannel(id: string, writer: Process, reader: Process): Channel {
  return { id, kind: "pipe", inode: 1, reverse: undefined, reader, writer };
}

function makeMessage(
  channel: Channel,
  reader: Process,
  sender: Process,
  timeNs: number,
  over: Partial<Message> & Pick<Message, "raw" | "type">,
): Message {
  const bytes = over.raw.length + 1;
  const frame: Frame = {
    kind: "frame",
    channel,
    text: over.raw,
    bytes,
    endPosition: bytes,
    timeNs,
    reader,
    sender,
    sentNs: timeNs - 20_000,
    flags: [],
  };
  return {
    kind: "message",
    frame,
    idText: undefined,
    method: undefined,
    paramsText: undefined,
    resultText: undefined,
    errorText: undefined,
    body: undefined,
    bytes,
    batch: undefined,
    mcp: true,
    senderRoles: undefined,
    knownMethod: true,
    flags: [],
    ...over,
  };
}
