/** What overhear wrote, against what the ends themselves recorded: number, order, content, direction, durations. */
import { expect } from "bun:test";
import { at, type JsonObject, numberAt, parseObject, textAt } from "./json.ts";
import type { Heard } from "./listener.ts";
import { type Conversation, measuredDurations, type TruthLine } from "./truth.ts";

/** Rounding to µs on one side, and the record's own write between its clock and the call on the other. */
const TOLERANCE_MS = 1;

/** The pids of a line's two ends, whichever transport it came by; undefined where an end is not known. */
export function ends(line: JsonObject): { from: unknown; to: unknown } {
  const transport = line["http_transport"] ?? line["stdio_transport"];
  return { from: at(transport, "from_pid"), to: at(transport, "to_pid") };
}

/** The message lines of the hop between two processes, in order. */
export function hop(heard: Heard, one: number, other: number): JsonObject[] {
  return heard.lines.filter((line) => {
    if (line["kind"] !== "message") return false;
    const { from, to } = ends(line);
    return (from === one && to === other) || (from === other && to === one);
  });
}

/** The last state that the session lines give for each session between two processes. */
export function sessionsBetween(heard: Heard, client: number, server: number): JsonObject[] {
  const last = new Map<string, JsonObject>();
  for (const line of heard.lines) {
    if (line["kind"] !== "session") continue;
    if (at(line, "client", "pid") !== client || at(line, "server", "pid") !== server) continue;
    last.set(textAt(line, "session"), line);
  }
  return [...last.values()];
}

/** Exact texts in order, one list per direction; a truth line is `sent` when the client sent it. */
export function texts(lines: readonly JsonObject[], fromPid: number): string[] {
  return lines.filter((line) => ends(line).from === fromPid).map((line) => textAt(line, "raw"));
}

const MOST_SHOWN = 3;
const SHOWN = 160;
const SHOWN_BEFORE = 40;

/** Where two lists first differ, short enough to read; undefined when they are the same. */
export function firstDifference(heard: readonly string[], said: readonly string[]): unknown {
  const length = Math.max(heard.length, said.length);
  for (let index = 0; index < length; index++) {
    if (heard[index] === said[index]) continue;
    const from = Math.max(0, sameStart(heard[index] ?? "", said[index] ?? "") - SHOWN_BEFORE);
    const shown = (text: string | undefined) => text?.slice(from, from + SHOWN);
    const lengths = { heard: heard.length, said: said.length };
    return {
      ...{ index, heard: shown(heard[index]), said: shown(said[index]), lengths },
      onlyHeard: without(heard, said),
      onlySaid: without(said, heard),
    };
  }
  return undefined;
}

/** Both ends of the first few texts that the others are not. */
function without(texts: readonly string[], others: readonly string[]): string[] {
  const left = Map.groupBy(others, (text) => text);
  const rest = texts.filter((text) => left.get(text)?.pop() === undefined);
  const brief = (text: string) =>
    text.length <= 2 * SHOWN ? text : `${text.slice(0, SHOWN)} … ${text.slice(-SHOWN)}`;
  return rest.slice(0, MOST_SHOWN).map(brief);
}

/** Characters that both begin with. */
function sameStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

export function expectSameTexts(
  heard: readonly JsonObject[],
  client: number,
  server: number,
  truth: readonly TruthLine[],
): void {
  const sent = truth.filter((line) => line.sent).map((line) => line.text);
  const received = truth.filter((line) => !line.sent).map((line) => line.text);
  expect(firstDifference(texts(heard, client), sent)).toBeUndefined();
  expect(firstDifference(texts(heard, server), received)).toBeUndefined();
  expect(heard.length).toBe(truth.length);
}

const MEMBERS = ["id", "method", "params", "result", "error"] as const;

function typeOf(message: JsonObject): string {
  if (message["method"] !== undefined) {
    return message["id"] === undefined ? "notification" : "request";
  }
  return message["error"] === undefined ? "response" : "error";
}

/** Each line says what its raw text says: members deeply equal, type, size. */
export function expectSameContent(heard: readonly JsonObject[]): void {
  for (const line of heard) {
    const raw = textAt(line, "raw");
    const message = parseObject(raw);
    const said = Object.fromEntries(MEMBERS.map((member) => [member, line[member]]));
    expect(said).toEqual(Object.fromEntries(MEMBERS.map((member) => [member, message[member]])));
    expect(textAt(line, "type")).toBe(typeOf(message));
    expectBytes(line, Buffer.byteLength(raw));
  }
}

/** `bytes` are those on the wire: with the line end on stdio, with "data: " and the line end in an event stream. */
function expectBytes(line: JsonObject, rawBytes: number): void {
  const around = numberAt(line, "bytes") - rawBytes;
  if (line["transport_type"] === "stdio") expect(around).toBe(1);
  else if (at(line, "http_transport", "mode") === "sse") expect([6, 7, 8]).toContain(around);
  else if (at(line, "http_transport", "is_request") === true) expect(around).toBe(0);
  // A body that answers may be compressed, which makes small ones larger.
  else expect(numberAt(line, "bytes")).toBeGreaterThan(0);
}

/** seq counts from 1; every answer comes after its request, names it, and took no longer than its asker measured. */
export function expectPaired(
  heard: readonly JsonObject[],
  asker: number,
  truth: readonly TruthLine[],
): void {
  expect(heard.map((line) => line["seq"])).toEqual(heard.map((_, index) => index + 1));
  const measured = measuredDurations(truth);
  const open = new Map<string, JsonObject>();
  for (const line of heard) {
    const { from, to } = ends(line);
    const id = JSON.stringify(line["id"]);
    if (line["type"] === "request") open.set(`${from} ${id}`, line);
    if (line["type"] !== "response" && line["type"] !== "error") continue;
    const request = open.get(`${to} ${id}`);
    open.delete(`${to} ${id}`);
    expect(at(line, "request", "method")).toBe(request?.["method"]);
    expect(at(line, "request", "params")).toEqual(request?.["params"]);
    expectTimes(line, to === asker ? measured.get(id) : undefined);
  }
}

function expectTimes(answer: JsonObject, measuredMs: number | undefined): void {
  const duration = numberAt(answer, "duration_ms");
  expect(duration).toBeGreaterThanOrEqual(0);
  if (measuredMs !== undefined) expect(duration).toBeLessThanOrEqual(measuredMs + TOLERANCE_MS);
  const server = answer["server_ms"];
  if (server !== undefined) {
    expect(numberAt(answer, "server_ms")).toBeGreaterThanOrEqual(0);
    expect(numberAt(answer, "server_ms")).toBeLessThanOrEqual(duration + 0.002);
  }
  if (answer["queued_ms"] !== undefined) {
    expect(numberAt(answer, "queued_ms")).toBeGreaterThanOrEqual(0);
  }
}

/** One call line per request, with the outcome that the record shows. */
export function expectCalls(heard: Heard, session: string, lines: readonly JsonObject[]): void {
  const calls = heard.lines.filter(
    (line) => line["kind"] === "call" && line["session"] === session,
  );
  const requests = lines.filter((line) => line["type"] === "request");
  const key = (line: JsonObject) => `${textAt(line, "direction")} ${JSON.stringify(line["id"])}`;
  expect(calls.map(key).sort()).toEqual(requests.map(key).sort());
  const outcomes = new Map(calls.map((line) => [key(line), line["outcome"]]));
  for (const line of lines) {
    if (line["type"] !== "response" && line["type"] !== "error") continue;
    const back = line["direction"] === "server-to-client" ? "client-to-server" : "server-to-client";
    const outcome = outcomes.get(`${back} ${JSON.stringify(line["id"])}`);
    if (outcome === "cancelled") continue;
    expect(outcome).toBe(outcomeOf(line));
  }
}

function outcomeOf(answer: JsonObject): string {
  if (answer["type"] === "error") return "error";
  if (at(answer, "result", "resultType") === "input_required") return "input_required";
  return at(answer, "result", "isError") === true ? "tool_error" : "ok";
}

/** Every check for one whole conversation between a client and the server that it started itself. */
export function expectWholeSession(heard: Heard, truth: Conversation, server = truth.peer): string {
  const lines = hop(heard, truth.self, server);
  expectSameTexts(lines, truth.self, server, truth.lines);
  expectSameContent(lines);
  expectPaired(lines, truth.self, truth.lines);
  const sessions = sessionsBetween(heard, truth.self, server);
  expect(sessions.length).toBe(1);
  const [session] = sessions;
  const id = textAt(session, "session");
  expect(new Set(lines.map((line) => line["session"]))).toEqual(new Set([id]));
  expect({ messages: session?.["messages"], open: session?.["open_calls"] }).toEqual({
    messages: truth.lines.length,
    open: 0,
  });
  expectCalls(heard, id, lines);
  return id;
}
