import { expect, test } from "bun:test";
import { join } from "node:path";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../../src/framing/types.ts";
import { bytesOf, ConnectionRun, makeConnection } from "../http-script.ts";

const fixtures = join(import.meta.dir, "../../../fixtures");

interface Call {
  readonly connection: string;
  readonly side: "request" | "response";
  readonly base64: string;
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
  for (const { connection, side, base64 } of calls) {
    const run = runs.get(connection) ?? new ConnectionRun(makeConnection(), framing);
    runs.set(connection, run);
    const bytes = Buffer.from(base64, "base64");
    const step = size === 0 ? Math.max(1, bytes.length) : size;
    for (let at = 0; at < bytes.length; at += step) {
      run.step([side === "request" ? "C" : "S", bytes.subarray(at, at + step)]);
    }
  }
  for (const run of runs.values()) {
    run.step(["C", "end"]);
    run.step(["S", "end"]);
  }
  return runs;
}

/** Exchanges of a connection as the fixtures write them. */
function exchangesOf(connection: string, items: readonly FramingItem[]): unknown[] {
  const ends = items.flatMap((item) => (item.kind === "http-end" ? [item] : []));
  return ends.map(({ exchange, outcome, flags }) => {
    const frames = items.flatMap((item) =>
      item.kind === "frame" && item.http?.exchange === exchange ? [{ ...item.http, item }] : [],
    );
    const { request, response } = exchange;
    expect([outcome, flags, response?.version]).toEqual(["complete", [], "2"]);
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
  });
}

const names = ["http2-node", "http2-go", "http2-curl", "http2-upgrade"];

test.each(names.flatMap((name) => [0, 1, 7, 1000].map((size) => [name, size] as const)))(
  "FramingStage hears what was captured in %s, in pieces of %d bytes [http2/framing]",
  async (name, size) => {
    const calls = await readLines<Call>(name, "calls.jsonl");
    const expected = await readLines<unknown>(name, "expected.jsonl");
    const runs = listen(calls, size);
    const heard = [...runs].flatMap(([id, { items }]) => exchangesOf(id, items));
    expect(heard.length).toBe(expected.length);
    for (const wanted of expected) expect(heard).toContainEqual(wanted);
    for (const { items, connection, moved } of runs.values()) {
      expect(bytesOf(items, connection.request)).toBe(moved.C);
      expect(bytesOf(items, connection.response)).toBe(moved.S);
      expect(items.filter(({ kind }) => kind === "loss")).toEqual([]);
    }
  },
);
