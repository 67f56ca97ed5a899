/** Captured traffic of test/fixtures in, what is heard of it out: how the golden tests of both versions of HTTP read and compare. */
import { join } from "node:path";
import type { FramingItem, HttpExchange } from "../../../src/framing/types.ts";

const fixtures = join(import.meta.dir, "../../fixtures");

export async function readLines<T>(name: string, file: string): Promise<T[]> {
  const text = await Bun.file(join(fixtures, name, file)).text();
  return text
    .trim()
    .split("\n")
    .map((line): T => JSON.parse(line));
}

/** `size`: of the pieces in which a call's bytes come; 0: all at once. */
export function pieces(bytes: Buffer, size: number): Buffer[] {
  const step = size === 0 ? Math.max(1, bytes.length) : size;
  const count = Math.ceil(bytes.length / step);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * step, (at + 1) * step));
}

/** An exchange as the fixtures write them. */
export function exchangeOf(
  connection: string,
  exchange: HttpExchange,
  items: readonly FramingItem[],
): unknown {
  const frames = items.flatMap((item) =>
    item.kind === "frame" && item.http?.exchange === exchange ? [{ ...item.http, item }] : [],
  );
  const { request, response } = exchange;
  return {
    connection,
    method: request?.method,
    target: request?.target,
    authority: request?.authority,
    sessionId: request?.fields.sessionId ?? null,
    protocolVersion: request?.fields.protocolVersion ?? null,
    mcpMethod: request?.fields.mcpMethod ?? null,
    mcpName: request?.fields.mcpName ?? null,
    request: frames.find(({ side }) => side === "request")?.item.text ?? null,
    status: response?.status ?? null,
    contentType: response?.fields.contentType ?? null,
    responseSessionId: response?.fields.sessionId ?? null,
    answers: frames
      .filter(({ side }) => side === "response")
      .map(({ mode, eventId, item }) => ({ mode, eventId: eventId ?? null, text: item.text })),
  };
}
