/** What a tool found out in; structured content that fits into a model's context, with a short text beside it, out. */
import type { CallToolResult } from "@modelcontextprotocol/server";
import type { Page } from "../store/types.ts";
import { capText } from "../text.ts";
import { encodeCursor } from "./cursor.ts";
import { MAX_ANSWER_CHARS, MAX_TEXT_CHARS } from "./limits.ts";

export function answer(structured: Record<string, unknown>, text: string): CallToolResult {
  return {
    content: [{ type: "text", text: capText(text, MAX_TEXT_CHARS) }],
    structuredContent: structured,
  };
}

/** What the caller can put right: the model reads it and asks again. */
export function refusal(text: string): CallToolResult {
  return { content: [{ type: "text", text }], isError: true };
}

export interface FittedPage<Shape> {
  readonly shapes: Shape[];
  readonly nextCursor: string | undefined;
}

/** As many of a page's items as fit, in order; at least one. The cursor goes on behind the last of them. */
export function fitPage<Item extends { readonly row: number }, Shape>(
  page: Page<Item>,
  shape: (item: Item) => Shape,
  maxChars: number = MAX_ANSWER_CHARS,
): FittedPage<Shape> {
  const shapes: Shape[] = [];
  let chars = 0;
  let last: number | undefined;
  for (const item of page.items) {
    const made = shape(item);
    chars += JSON.stringify(made).length + 1;
    if (chars > maxChars && shapes.length > 0) break;
    shapes.push(made);
    last = item.row;
  }
  const hasMore = page.more || shapes.length < page.items.length;
  return {
    shapes,
    nextCursor: hasMore && last !== undefined ? encodeCursor(last) : undefined,
  };
}

/** Lines while they fit; the rest is said to be left out. */
export function fitLines(lines: readonly string[], maxChars: number = MAX_TEXT_CHARS): string {
  const kept: string[] = [];
  let chars = 0;
  for (const line of lines) {
    chars += line.length + 1;
    // the last line of all says how many were left out
    if (chars > maxChars - LEFT_OUT_CHARS) {
      kept.push(`… ${lines.length - kept.length} more lines are in the structured content`);
      break;
    }
    kept.push(line);
  }
  return kept.join("\n");
}

const LEFT_OUT_CHARS = 80;
