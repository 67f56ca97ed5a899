/** Any text as a frame through the message room: JSON.parse says what must come out. */
import type { Message, MessageItem } from "../../src/message/types.ts";
import { makeFrame, readLine } from "../unit/message/read-line.ts";
import { makeMessageText } from "./make-message.ts";
import { seeds } from "./seeds.ts";
import { assertEqual, type FuzzTarget } from "./target.ts";

export const messageTarget: FuzzTarget = {
  name: "message",
  seeds: seeds
    .flatMap((seed) => Buffer.from(seed).toString().split("\n"))
    .map((line) => Buffer.from(line)),
  check(input, random) {
    checkLine(Buffer.from(input).toString());
    const made = makeMessageText(random);
    checkLine(made);
    checkLine(`[${made},${makeMessageText(random)}]`);
    const at = random(made.length);
    checkLine(made.slice(0, at) + made.slice(at + 1));
  },
};

function checkLine(text: string): void {
  const items = readLine(text);
  assertEqual(sumBytes(items), makeFrame(text).bytes, "bytes given out");
  const value = parse(text);
  const { jsonrpc, method, id, result } = isObject(value) ? value : {};
  const isPlain = typeof method === "string" || (method === undefined && id !== undefined);
  if (jsonrpc === "2.0" && (isPlain || (method === undefined && result !== undefined))) {
    assertEqual(items.length === 1 && items[0]?.kind, "message", `what is made of ${text}`);
  }
  for (const item of items) if (item.kind === "message") checkMessage(item, value);
}

/** What is no JSON is read as JSON of its own, and says so. */
function placeOf({ jsonError, raw, flags, batch }: Message, line: unknown): unknown {
  assertEqual(jsonError !== undefined, flags.includes("invalid_json"), "flag of no JSON");
  if (jsonError === undefined) return batch === undefined ? line : Object(line)[batch.index];
  assertEqual(line, undefined, "what is said to be no JSON");
  return JSON.parse(raw);
}

/** Every text field must be the JSON of what JSON.parse finds in its place. */
function checkMessage(message: Message, line: unknown): void {
  const value = placeOf(message, line);
  if (!isObject(value)) throw new Error(`a message of what is no object: ${Bun.inspect(value)}`);
  assertEqual(parse(message.raw), value, "raw");
  const { id, method, params, result, error } = value;
  assertEqual(parse(message.paramsText), params, "paramsText");
  assertEqual(parse(message.resultText), result, "resultText");
  assertEqual(parse(message.errorText), error, "errorText");
  assertEqual(message.method, method, "method");
  assertEqual(parse(message.idText), id === 0 ? 0 : id, "idText");
  const body = { request: params, notification: params, response: result, error }[message.type];
  if (!message.flags.includes("deep_nesting")) assertEqual(message.body, body, "body");
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sumBytes(items: readonly MessageItem[]): number {
  return items.reduce((sum, item) => sum + ("bytes" in item ? item.bytes : 0), 0);
}
