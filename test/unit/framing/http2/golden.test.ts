import { expect, test } from "bun:test";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../../src/framing/types.ts";
import { exchangeOf, pieces, readLines } from "../golden.ts";
import { bytesOf, ConnectionRun, makeConnection } from "../http-script.ts";

interface Call {
  readonly connection: string;
  readonly side: "request" | "response";
  readonly base64: string;
}

/** `size`: of the pieces in which the calls' bytes come; 0: a call at a time. */
function listen(calls: readonly Call[], size: number): Map<string, ConnectionRun> {
  const framing = new FramingStage();
  const runs = new Map<string, ConnectionRun>();
  for (const { connection, side, base64 } of calls) {
    const run = runs.get(connection) ?? new ConnectionRun(makeConnection(), framing);
    runs.set(connection, run);
    const bytes = Buffer.from(base64, "base64");
    const who = side === "request" ? "C" : "S";
    for (const piece of pieces(bytes, size)) run.step([who, piece]);
  }
  for (const run of runs.values()) {
    run.step(["C", "end"]);
    run.step(["S", "end"]);
  }
  return runs;
}

function exchangesOf(connection: string, items: readonly FramingItem[]): unknown[] {
  const ends = items.flatMap((item) => (item.kind === "http-end" ? [item] : []));
  return ends.map(({ exchange, outcome, flags }) => {
    expect([outcome, flags, exchange.response?.version]).toEqual(["complete", [], "2"]);
    return exchangeOf(connection, exchange, items);
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
