import { expect, test } from "bun:test";
import { join } from "node:path";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../../src/framing/types.ts";
import { bytesOf, ConnectionRun, makeConnection } from "../http-script.ts";

const fixtures = join(import.meta.dir, "../../../fixtures");

interface Call {
  readonly connection: string;
  readonly side: "request" | "response";
  readonly text?: string;
  readonly missing?: number;
}

interface Expected {
  readonly connection: string;
  readonly method: string;
  readonly target: string;
}

async function readLines<T>(name: string, file: string): Promise<T[]> {
  const text = await Bun.file(join(fixtures, name, file)).text();
  return text
    .trim()
    .split("\n")
    .map((line): T => JSON.parse(line));
}

/** `size`: of the pieces in which the calls' bytes come; 0: a call at a time. */
function listen(calls: readonly Call[], size: number): Map<string, ConnectionRun> {
  const framing = new FramingStage();
  const runs = new Map<string, ConnectionRun>();
  for (const { connection, side, text = "", missing } of calls) {
    const run = runs.get(connection) ?? new ConnectionRun(makeConnection(), framing);
    runs.set(connection, run);
    const who = side === "request" ? "C" : "S";
    const bytes = Buffer.from(text);
    const step = size === 0 ? Math.max(1, bytes.length) : size;
    for (let at = 0; at < bytes.length; at += step) run.step([who, bytes.subarray(at, at + step)]);
    if (missing !== undefined) run.step([who, { lost: missing }]);
  }
  for (const run of runs.values()) {
    run.step(["C", "end"]);
    run.step(["S", "end"]);
  }
  return runs;
}

/** Exchanges of a connection as the fixtures write them. */
function exchangesOf(connection: string, items: readonly FramingItem[]): unknown[] {
  const ends = items.flatMap((item) => (item.kind === "http-end" ? [item.exchange] : []));
  return ends.map((exchange) => {
    const frames = items.flatMap((item) =>
      item.kind === "frame" && item.http?.exchange === exchange ? [{ ...item.http, item }] : [],
    );
    const { request, response } = exchange;
    const sent = frames.find(({ side }) => side === "request");
    return {
      connection,
      method: request?.method,
      target: request?.target,
      authority: request?.authority,
      sessionId: request?.fields.sessionId ?? null,
      protocolVersion: request?.fields.protocolVersion ?? null,
      mcpMethod: request?.fields.mcpMethod ?? null,
      mcpName: request?.fields.mcpName ?? null,
      request: sent?.item.text ?? null,
      status: response?.status ?? null,
      contentType: response?.fields.contentType ?? null,
      responseSessionId: response?.fields.sessionId ?? null,
      answers: frames
        .filter(({ side }) => side === "response")
        .map(({ mode, eventId, item }) => ({ mode, eventId: eventId ?? null, text: item.text })),
    };
  });
}

const names = ["http-v1-bun-server", "http-v1-node-server", "http-v1-node-client", "http-v2-auto"];

test.each(names.flatMap((name) => [0, 7, 1000].map((size) => [name, size] as const)))(
  "FramingStage hears what was captured in %s, in pieces of %d bytes [http/framing]",
  async (name, size) => {
    const calls = await readLines<Call>(name, "calls.jsonl");
    const expected = await readLines<Expected>(name, "expected.jsonl");
    const runs = listen(calls, size);
    const heard = [...runs].flatMap(([id, { items }]) => exchangesOf(id, items));
    expect(heard.length).toBe(expected.length);
    for (const wanted of expected) expect(heard).toContainEqual(wanted);
    for (const { items, connection, moved } of runs.values()) {
      expect(bytesOf(items, connection.request)).toBe(moved.C);
      expect(bytesOf(items, connection.response)).toBe(moved.S);
      expect(items.filter((item) => item.kind === "http-verdict")).toMatchObject([
        { channel: connection.request, verdict: "mcp" },
      ]);
    }
  },
);
