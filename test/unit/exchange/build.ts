/** Builds processes, channels and messages by hand, as the message room would give them. */
import type { Channel, ChannelKind, Party, Process } from "../../../src/capture/types.ts";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import type {
  CallLine,
  CoverageLine,
  ExchangeItem,
  MessageLine,
  SessionLine,
} from "../../../src/exchange/types.ts";
import type { Message, MessageItem } from "../../../src/message/types.ts";
import { isProcess } from "../../../src/party.ts";
import type { ChannelEnd, ProcessEnd, Tick } from "../../../src/stream/types.ts";

export const MS = 1_000_000;
export const SECOND = 1_000 * MS;

const CLIENT_METHODS = [
  "initialize",
  "server/discover",
  "tools/call",
  "tools/list",
  "prompts/get",
  "resources/read",
  "subscriptions/listen",
  "completion/complete",
  "notifications/initialized",
];
const SERVER_METHODS = [
  "sampling/createMessage",
  "roots/list",
  "elicitation/create",
  "notifications/message",
  "notifications/tools/list_changed",
  "notifications/resources/updated",
];
const BOTH = [
  "ping",
  "notifications/progress",
  "notifications/cancelled",
  "tasks/get",
  "notifications/tasks/status",
];

export function process(pid: number, commandLine: readonly string[] = []): Process {
  return {
    pid,
    startNs: pid * 1_000,
    comm: `comm${pid}`,
    commandLine,
    containerId: undefined,
    exit: undefined,
  };
}

/** undefined: nobody, or another host. */
export function pidOf(party: Party | undefined): number | undefined {
  return isProcess(party) ? party.pid : undefined;
}

export function channel(
  id: string,
  writer: Party | undefined,
  reader: Party | undefined,
  kind: ChannelKind = "pipe",
): Channel {
  return { id, kind, inode: 1, reverse: undefined, reader, writer };
}

export interface Pair {
  readonly client: Process;
  readonly server: Process;
  readonly up: Channel;
  readonly down: Channel;
}

/** Two pipes between two new processes. */
export function pair(pid = 100): Pair {
  const client = process(pid);
  const server = process(pid + 1);
  const up = channel(`pipe:${pid}`, client, server);
  const down = channel(`pipe:${pid + 1}`, server, client);
  return { client, server, up, down };
}

/** Pushes the items one by one and gives all that comes out. */
export function run(
  items: readonly MessageItem[],
  stage: ExchangeStage = new ExchangeStage({ allJsonrpc: false }),
): readonly ExchangeItem[] {
  return items.flatMap((item) => stage.push(item));
}

export interface MessageOptions {
  readonly sentNs?: number | undefined;
  readonly sender?: Party | undefined;
  readonly mcp?: boolean | undefined;
  readonly batch?: Message["batch"];
}

/** A message with the wire text `json`, read from `on` at `timeNs`. */
export function message(on: Channel, timeNs: number, json: string, options: MessageOptions = {}) {
  const parsed: Record<string, unknown> = JSON.parse(json);
  const { id, method, params, result, error } = parsed;
  const name = typeof method === "string" ? method : undefined;
  const roles = senderRoles(name);
  if (on.reader === undefined) throw new Error("a channel in a test has a reader");
  return {
    kind: "message",
    frame: {
      kind: "frame",
      channel: on,
      text: json,
      bytes: json.length + 1,
      endPosition: 0,
      timeNs,
      reader: on.reader,
      sender: "sender" in options ? options.sender : on.writer,
      sentNs: options.sentNs,
      flags: [],
    },
    type: typeOf(parsed),
    idText: "id" in parsed ? JSON.stringify(id) : undefined,
    method: name,
    paramsText: params === undefined ? undefined : JSON.stringify(params),
    resultText: result === undefined ? undefined : JSON.stringify(result),
    errorText: error === undefined ? undefined : JSON.stringify(error),
    body: params ?? result ?? error,
    bytes: json.length + 1,
    raw: json,
    batch: options.batch,
    mcp: "mcp" in options ? options.mcp : roles === undefined ? undefined : true,
    senderRoles: roles,
    knownMethod: roles !== undefined,
    flags: [],
  } satisfies Message;
}

function typeOf(parsed: Readonly<Record<string, unknown>>): Message["type"] {
  if ("method" in parsed) return "id" in parsed ? "request" : "notification";
  return "error" in parsed ? "error" : "response";
}

function senderRoles(method: string | undefined): Message["senderRoles"] {
  if (method === undefined) return undefined;
  if (CLIENT_METHODS.includes(method)) return "client";
  if (SERVER_METHODS.includes(method)) return "server";
  return BOTH.includes(method) ? "both" : undefined;
}

export function exited(process: Process, timeNs: number, code: number): ProcessEnd {
  process.exit = { timeNs, code, signal: undefined };
  return { kind: "process-end", process, timeNs };
}

export function killed(process: Process, timeNs: number, signal: number): ProcessEnd {
  process.exit = { timeNs, code: undefined, signal };
  return { kind: "process-end", process, timeNs };
}

export function closed(channel: Channel, timeNs: number): ChannelEnd {
  return { kind: "end", channel, timeNs, unreadBytes: 0, writer: channel.writer };
}

export function tick(timeNs: number): Tick {
  return { kind: "tick", timeNs };
}

export function messagesOf(items: readonly ExchangeItem[]): readonly MessageLine[] {
  return items.filter((item) => item.kind === "message");
}

export function callsOf(items: readonly ExchangeItem[]): readonly CallLine[] {
  return items.filter((item) => item.kind === "call");
}

export function sessionsOf(items: readonly ExchangeItem[]): readonly SessionLine[] {
  return items.filter((item) => item.kind === "session");
}

export function coverageOf(items: readonly ExchangeItem[]): readonly CoverageLine[] {
  return items.filter((item) => item.kind === "coverage");
}

export const INITIALIZE =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"cli","version":"1.2"}}}';
export const INITIALIZED =
  '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"srv","version":"3.4"}}}';

export function request(id: number | string | null, method: string, params: unknown = {}): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

export function notification(method: string, params: unknown = {}): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}

export function result(id: number | string | null, value: unknown = {}): string {
  return JSON.stringify({ jsonrpc: "2.0", id, result: value });
}
