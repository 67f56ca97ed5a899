import { expect, test } from "bun:test";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../../src/framing/types.ts";
import { exchangeOf, pieces, readLines } from "../golden.ts";
import { bytesOf, ConnectionRun, makeConnection } from "../http-script.ts";

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

/** `size`: of the pieces in which the calls' bytes come; 0: a call at a time. */
function listen(calls: readonly Call[], size: number): Map<string, ConnectionRun> {
  const framing = new FramingStage();
  const runs = new Map<string, ConnectionRun>();
  for (const { connection, side, text = "", missing } of calls) {
    const run = runs.get(connection) ?? new ConnectionRun(makeConnection(), framing);
    runs.set(connection, run);
    const who = side === "request" ? "C" : "S";
    const bytes = Buffer.from(text);
    for (const piece of pieces(bytes, size)) run.step([who, piece]);
    if (missing !== undefined) run.step([who, { lost: missing }]);
  }
  for (const run of runs.values()) {
    run.step(["C", "end"]);
    run.step(["S", "end"]);
  }
  return runs;
}

function exchangesOf(connection: string, items: readonly FramingItem[]): unknown[] {
  const ends = items.flatMap((item) => (item.kind === "http-end" ? [item.exchange] : []));
  return ends.map((exchange) => exchangeOf(connection, exchange, items));
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
