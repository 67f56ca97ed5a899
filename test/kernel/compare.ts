/** What overhear wrote and the truth in, every difference out, as sentences; none: they agree. */
import { at, type Json, listAt, numberAt, textAt } from "./json.ts";
import type { Heard } from "./tool.ts";
import type { Direction, Truth, TruthMessage } from "./truth.ts";

export interface Expectations {
  /** Loss that this traffic must have, by direction and reason; without: none. */
  readonly loss?: Partial<Record<Direction, Readonly<Record<string, number>>>>;
  /** Reasons of loss, whatever its bytes; instead of `loss`. */
  readonly reasons?: Partial<Record<Direction, readonly string[]>>;
  /** Bytes lost, in sum: what is larger than the ring may overflow it on a busy machine, the line it breaks is lost either way. */
  readonly lossSum?: Partial<Record<Direction, number>>;
  /** Bytes read that are in no account: of a connection that was there before they begin with the next message. */
  readonly uncounted?: Partial<Record<Direction, number>>;
  /** The channel carries other things than MCP: its bytes are not accounted for by messages and loss alone. */
  readonly noise?: boolean;
  /** Read messages that cannot be heard, by their id (a line that was begun before the tool listened). */
  readonly unheard?: readonly number[];
  /**
   * Several clients share the channel: whose session a message belongs to is open. In guests so is which of them
   * wrote it: emulation interrupts writers between their bytes and their notes, which then come in another order.
   */
  readonly sharedChannel?: boolean;
}

/** The clocks: µs on one side, and the truth's own call between its clock and the system call on the other. */
const TOLERANCE_MS = 0.01;
const DIRECTIONS: readonly Direction[] = ["c2s", "s2c"];

/** Checks one conversation: every message once, exact, in order, from and to whom, timed, and every byte accounted for. */
export function differences(heard: Heard, truth: Truth, expected: Expectations = {}): string[] {
  const problems: string[] = [];
  const ours = messagesOf(heard, truth);
  for (const direction of DIRECTIONS) {
    const lines = ours.filter((line) => truth[readers(direction)].has(toPid(line)));
    problems.push(...contentProblems(lines, truth, direction, expected));
    problems.push(...byteProblems(heard, lines, truth, direction, expected));
  }
  problems.push(...pairProblems(ours, truth, expected));
  if (expected.sharedChannel !== true) problems.push(...sessionProblems(heard, ours, truth));
  return problems.length === 0 ? [] : [...problems.slice(0, 8), ...trail(heard, truth)];
}

/** From either end. */
const TRAIL_LINES = 20;
const TRAIL_WIDTH = 400;
/** Where a line names a process. */
const PIDS = [
  ["stdio_transport", "from_pid"],
  ["stdio_transport", "to_pid"],
  ["http_transport", "from_pid"],
  ["http_transport", "to_pid"],
  ["client", "pid"],
  ["server", "pid"],
  ["process", "pid"],
] as const;

/** The lines that name a process of this conversation. */
export function linesAbout(heard: Heard, truth: Truth): Json[] {
  const pids = new Set([...truth.clients, ...truth.servers]);
  return heard.lines.filter((line) => PIDS.some((path) => pids.has(numberAt(line, ...path))));
}

/** The first and the last lines about these processes, without what was said, to find a cause by. */
function trail(heard: Heard, truth: Truth): string[] {
  const concerned = linesAbout(heard, truth);
  const between = Math.max(0, concerned.length - 2 * TRAIL_LINES);
  const shown = concerned.toSpliced(TRAIL_LINES, between);
  return shown.map((line) => {
    const { raw: _raw, params: _params, result: _result, ...rest } = line;
    return `trail: ${JSON.stringify(rest).slice(0, TRAIL_WIDTH)}`;
  });
}

function readers(direction: Direction): "servers" | "clients" {
  return direction === "c2s" ? "servers" : "clients";
}

function toPid(line: Json): number {
  return numberAt(transportOf(line), "to_pid");
}

/** Whichever transport it is: who sent, who received. */
export function transportOf(line: Json): unknown {
  return at(line, "stdio_transport") ?? at(line, "http_transport");
}

/** The message lines that a process of this conversation read, in the order of the output. */
export function messagesOf(heard: Heard, truth: Truth): Json[] {
  return heard.lines.filter(
    (line) =>
      line["kind"] === "message" &&
      (truth.servers.has(toPid(line)) || truth.clients.has(toPid(line))),
  );
}

/** The loss lines of one direction; pipes inside one of the processes are none of the conversation. */
export function lossOf(heard: Heard, truth: Truth, direction: Direction): Json[] {
  const [from, to] =
    direction === "c2s" ? [truth.clients, truth.servers] : [truth.servers, truth.clients];
  return heard.lines.filter((line) => {
    if (line["kind"] !== "loss" || !to.has(toPid(line))) return false;
    const sender = at(transportOf(line), "from_pid");
    return typeof sender !== "number" || from.has(sender);
  });
}

function nameOf(message: TruthMessage): string {
  return `${message.type} ${message.id} ${message.crc.toString(16)} (${message.bytes} B)`;
}

function crcOf(line: Json): number {
  return Bun.hash.crc32(textAt(line, "raw"));
}

function contentProblems(
  lines: readonly Json[],
  truth: Truth,
  direction: Direction,
  expected: Expectations,
): string[] {
  const isHeard = (one: TruthMessage) =>
    one.direction === direction &&
    one.afterGo &&
    !(direction === "c2s" && expected.unheard?.includes(one.id));
  const wanted = truth.read.filter(isHeard);
  const keyOf = (one: TruthMessage) => `${one.direction} ${one.id} ${one.crc}`;
  const writes = new Map(truth.written.map((one) => [keyOf(one), one]));
  const problems: string[] = [];
  if (lines.length !== wanted.length)
    problems.push(`${direction}: heard ${lines.length} messages of ${wanted.length} read`);
  for (const [index, message] of wanted.entries()) {
    const line = lines[index];
    if (line === undefined || crcOf(line) !== message.crc) {
      const instead = line === undefined ? "nothing" : textAt(line, "raw").slice(0, 80);
      problems.push(`${direction} message ${index}: not ${nameOf(message)} but ${instead}`);
      break;
    }
    const said = at(transportOf(line), "from_pid");
    // writes that race on two CPUs may note themselves in the other order: which of them is a guess (docs/capture.md)
    const isOneOf = expected.sharedChannel === true && direction === "c2s";
    const isFine = isOneOf && typeof said === "number" && truth.clients.has(said);
    const written = writes.get(keyOf(message));
    const found = lineProblems(line, message, isFine ? said : written?.pid);
    const lateMs = written === undefined ? Number.NaN : (written.untilNs - message.untilNs) / 1e6;
    problems.push(...found.map((one) => `${one}; the write returned ${lateMs} ms after the read`));
  }
  return problems;
}

function lineProblems(line: Json, message: TruthMessage, sender: number | undefined): string[] {
  const said = {
    from: at(transportOf(line), "from_pid"),
    to: toPid(line),
    bytes: line["bytes"],
    type: line["type"],
  };
  const wanted = { from: sender, to: message.pid, bytes: message.bytes, type: message.type };
  if (Bun.deepEquals(said, wanted)) return [];
  return [
    `${message.direction} ${nameOf(message)}: ${JSON.stringify(said)}, not ${JSON.stringify(wanted)}`,
  ];
}

function byteProblems(
  heard: Heard,
  lines: readonly Json[],
  truth: Truth,
  direction: Direction,
  expected: Expectations,
): string[] {
  const lost: Record<string, number> = {};
  let messages = 0;
  let loss = 0;
  for (const line of lines) messages += numberAt(line, "bytes");
  for (const line of lossOf(heard, truth, direction)) {
    const reason = textAt(line, "reason");
    lost[reason] = (lost[reason] ?? 0) + numberAt(line, "bytes");
    // "unread" never came out of the channel
    if (reason !== "unread") loss += numberAt(line, "bytes");
  }
  const problems = lossProblems(lost, loss, direction, expected);
  const uncounted = expected.uncounted?.[direction] ?? 0;
  if (expected.noise !== true && messages + loss + uncounted !== truth.readBytes[direction])
    problems.push(
      `${direction}: ${messages} B in messages + ${loss} B lost, not ${truth.readBytes[direction]} B read`,
    );
  return problems;
}

/** `loss`: all of `lost` that came out of the channel. */
function lossProblems(
  lost: Readonly<Record<string, number>>,
  loss: number,
  direction: Direction,
  expected: Expectations,
): string[] {
  const said = `${direction}: loss ${JSON.stringify(lost)}`;
  const reasons = expected.reasons?.[direction];
  if (reasons !== undefined) {
    const isSo = Bun.deepEquals(Object.keys(lost), reasons);
    return isSo ? [] : [`${said}, not of ${reasons.join()}`];
  }
  const wanted = expected.loss?.[direction] ?? {};
  const sum = expected.lossSum?.[direction];
  const isSo = sum === undefined ? Bun.deepEquals(lost, wanted) : loss === sum;
  return isSo ? [] : [`${said}, not ${JSON.stringify(sum ?? wanted)}`];
}

/** Requests before their answers, answers with what they answer and with times that the ends' own clocks allow. */
function pairProblems(lines: readonly Json[], truth: Truth, expected: Expectations): string[] {
  const answers = truth.read.filter((one) => one.type === "response");
  const answeredNs = new Map(answers.map((one) => [one.id, one.untilNs]));
  const sentNs = new Map(requests(truth.written).map((one) => [one.id, one.fromNs]));
  const heardRequests = requests(truth.read).filter((one) => one.afterGo);
  const paired = new Set(heardRequests.map((one) => one.id));
  for (const id of expected.unheard ?? []) paired.delete(id);
  if (expected.sharedChannel === true) paired.clear();
  const asked = new Map<number, Json>();
  return lines.flatMap((line) => {
    const id = numberAt(line, "id");
    if (line["type"] === "request") asked.set(id, line);
    const problems = numberAt(line, "queued_ms") < 0 ? [`message ${id}: negative queued_ms`] : [];
    if (line["type"] !== "response" || !paired.has(id)) return problems;
    const measuredMs = ((answeredNs.get(id) ?? 0) - (sentNs.get(id) ?? 0)) / 1e6;
    return [
      ...problems,
      ...answerProblems(line, asked.get(id)),
      ...timeProblems(line, id, measuredMs),
    ];
  });
}

function answerProblems(answer: Json, request: Json | undefined): string[] {
  const id = numberAt(answer, "id");
  if (request === undefined) return [`answer ${id} comes before its request`];
  const method = textAt(answer, "request", "method");
  return method === textAt(request, "method") ? [] : [`answer ${id}: request method "${method}"`];
}

function requests(messages: readonly TruthMessage[]): TruthMessage[] {
  return messages.filter((one) => one.type === "request");
}

function timeProblems(line: Json, id: number, measuredMs: number): string[] {
  const duration = numberAt(line, "duration_ms");
  const server = line["server_ms"] === undefined ? 0 : numberAt(line, "server_ms");
  const problems: string[] = [];
  if (!(duration >= 0 && duration <= measuredMs + TOLERANCE_MS))
    problems.push(`answer ${id}: duration_ms ${duration}, measured ${measuredMs}`);
  if (!(server >= 0 && server <= duration + TOLERANCE_MS))
    problems.push(`answer ${id}: server_ms ${server}, duration_ms ${duration}`);
  return problems;
}

/** One session, between this client and this server. */
function sessionProblems(heard: Heard, lines: readonly Json[], truth: Truth): string[] {
  if (lines.length === 0) return [];
  const problems: string[] = [];
  const ids = new Set(lines.map((line) => textAt(line, "session")));
  if (ids.size !== 1) problems.push(`${ids.size} sessions`);
  const astray = lines.find((line) => {
    const sent = truth.servers.has(toPid(line)) ? "client-to-server" : "server-to-client";
    return line["direction"] !== sent;
  });
  if (astray !== undefined) problems.push(`message ${astray["id"]}: wrong direction`);
  const last = heard.lines.findLast(
    (line) => line["kind"] === "session" && ids.has(textAt(line, "session")),
  );
  const client = numberAt(last, "client", "pid");
  const server = numberAt(last, "server", "pid");
  if (last === undefined) return [...problems, "no session line"];
  if (!truth.clients.has(client) || !truth.servers.has(server))
    problems.push(`session between client ${client} and server ${server}`);
  for (const end of ["client", "server"]) {
    if (listAt(last, end, "command_line").length === 0)
      problems.push(`${end} without command line`);
  }
  return problems;
}
