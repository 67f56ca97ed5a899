/** One call with its messages and effects in; as much of it as fits into an answer, by its schema, out. */
import { z } from "zod";
import type { CallDetail, CallMessage, EffectRecord } from "../store/types.ts";
import { capText } from "../text.ts";
import { MAX_ANSWER_CHARS } from "./limits.ts";
import { connectionShape, shapeCall, shapeConnection, shapeSession } from "./shapes.ts";
import { isoTime, roundMsOf } from "./when.ts";

export const messageShape = z.object({
  at: z.string(),
  type: z.enum(["request", "notification", "response", "error"]),
  method: z.string().optional(),
  from: z.string(),
  to: z.string(),
  text: z.string().describe("JSON text of the message, or its beginning"),
  bytes: z.int().describe("of the whole message"),
  cut: z.literal(true).optional().describe("the text is only its beginning"),
});

export const effectShape = z.object({
  kind: z.enum(["exec", "fork", "connect", "file"]),
  at: z.string(),
  pid: z.int(),
  command: z.string(),
  may_be_of: z
    .array(z.string())
    .optional()
    .describe("several calls were open then: it may be of any of these; absent: it is of this one"),
  command_line: z.string().optional(),
  exit_code: z.int().optional(),
  exit_signal: z.int().optional(),
  duration_ms: z.number().optional(),
  child_pid: z.int().optional(),
  connection: connectionShape.optional(),
  change: z.enum(["create", "write", "rename", "unlink"]).optional(),
  path: z.string().optional(),
  to: z.string().optional(),
});

type MessageShape = z.infer<typeof messageShape>;
type EffectShape = z.infer<typeof effectShape>;

export function fitDetail(detail: CallDetail): Record<string, unknown> {
  const call = shapeCall(detail.call);
  const session = detail.session && shapeSession(detail.session);
  const budget = new Budget(MAX_ANSWER_CHARS - JSON.stringify({ call, session }).length);
  // what a call did is rarer than what was said, and shorter: it comes first, and leaves room for the rest
  const effects = takeWhile(detail.effects, shapeEffect, budget, budget.left / 2);
  const messages = takeMessages(detail.messages, budget);
  return {
    call,
    session,
    messages,
    more_messages: detail.moreMessages + detail.messages.length - messages.length,
    effects,
    more_effects: detail.moreEffects + detail.effects.length - effects.length,
  };
}

/** Characters of JSON text. */
class Budget {
  left: number;

  constructor(chars: number) {
    this.left = chars;
  }
}

function takeWhile<Item, Shape>(
  items: readonly Item[],
  shape: (item: Item) => Shape,
  budget: Budget,
  share: number,
): Shape[] {
  const taken: Shape[] = [];
  const end = budget.left - share;
  for (const item of items) {
    const made = shape(item);
    const chars = JSON.stringify(made).length + 1;
    if (budget.left - chars < end) break;
    budget.left -= chars;
    taken.push(made);
  }
  return taken;
}

/** The request and the answer, each cut to half of what is left if need be; then what came between them. */
function takeMessages(messages: readonly CallMessage[], budget: Budget): MessageShape[] {
  const request = messages.find(({ type }) => type === "request");
  const reply = messages.find(({ type }) => type === "response" || type === "error");
  const kept = new Map<CallMessage, MessageShape>();
  const main = [request, reply].filter((message) => message !== undefined);
  const share = budget.left / Math.max(1, main.length);
  for (const message of main) {
    const made = cutTo(shapeMessage(message), share);
    budget.left -= JSON.stringify(made).length + 1;
    kept.set(message, made);
  }
  for (const message of messages) {
    if (kept.has(message)) continue;
    const made = shapeMessage(message);
    const chars = JSON.stringify(made).length + 1;
    if (chars > budget.left) break;
    budget.left -= chars;
    kept.set(message, made);
  }
  return messages.flatMap((message) => kept.get(message) ?? []);
}

/** JSON needs up to six characters for one: what is too long is halved until it fits. */
function cutTo(message: MessageShape, chars: number): MessageShape {
  let made = message;
  while (JSON.stringify(made).length > chars && made.text.length > SHORTEST_CHARS) {
    made = { ...made, text: capText(made.text, Math.ceil(made.text.length / 2)), cut: true };
  }
  return made;
}

const SHORTEST_CHARS = 50;

function shapeMessage(message: CallMessage): MessageShape {
  return {
    at: isoTime(message.timeMs),
    type: message.type,
    method: message.method,
    from: message.from,
    to: message.to,
    text: message.text,
    bytes: message.bytes,
    cut: message.isCut ? true : undefined,
  };
}

function shapeEffect(effect: EffectRecord): EffectShape {
  const base = {
    kind: effect.kind,
    at: isoTime(effect.timeMs),
    pid: effect.pid,
    command: effect.comm,
    may_be_of: effect.candidates.length === 0 ? undefined : effect.candidates.slice(0, MAX_NAMED),
  };
  switch (effect.kind) {
    case "exec":
      return {
        ...base,
        command_line: effect.argv.join(" "),
        exit_code: effect.exitCode,
        exit_signal: effect.exitSignal,
        duration_ms: roundMsOf(effect.durationMs),
      };
    case "fork":
      return { ...base, child_pid: effect.childPid };
    case "connect":
      return { ...base, connection: shapeConnection(effect.connection) };
    case "file":
      return { ...base, change: effect.change, path: effect.path, to: effect.to };
  }
}

/** Calls that are named as candidates. */
const MAX_NAMED = 10;
