/** A call that has ended in, why it failed, in its own words, out. */
import type { CallLine } from "../exchange/types.ts";
import { capText } from "../text.ts";
import { plainText } from "./plain-text.ts";

const MAX_CHARS = 1000;
/** Parts of a tool's answer that are looked at for a text. */
const MAX_PARTS = 16;

export interface CallError {
  readonly errorCode: number | null;
  readonly errorText: string | null;
}

const NONE: CallError = { errorCode: null, errorText: null };

export function errorOf({ outcome, response, session }: CallLine): CallError {
  const body = response?.body;
  if (outcome === "error")
    return { errorCode: numberOf(body), errorText: textOf(member(body, "message")) };
  if (outcome === "tool_error") return { errorCode: null, errorText: textOf(firstText(body)) };
  if (outcome === "unanswered") return { errorCode: null, errorText: textOf(session.endReason) };
  return NONE;
}

function numberOf(body: unknown): number | null {
  const code = member(body, "code");
  return typeof code === "number" && Number.isSafeInteger(code) ? code : null;
}

function firstText(body: unknown): unknown {
  const content = member(body, "content");
  if (!Array.isArray(content)) return undefined;
  const parts: readonly unknown[] = content.slice(0, MAX_PARTS);
  return parts.map((part) => member(part, "text")).find((text) => typeof text === "string");
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? plainText(capText(value, MAX_CHARS)) : null;
}
