import { describe, expect, test } from "bun:test";
import { Outputs } from "../../../src/delivery/outputs.ts";
import type { Consumer } from "../../../src/delivery/types.ts";
import type { CoverageLine, ExchangeItem } from "../../../src/exchange/types.ts";
import { OutputError, ReaderGone } from "../../../src/sinks/errors.ts";
import { summary } from "../sinks/items.ts";

function item(reason: string): CoverageLine {
  return {
    kind: "coverage",
    reason,
    channel: undefined,
    process: undefined,
    bytes: 0,
    timeNs: 0,
  };
}

class Recorder implements Consumer {
  readonly seen: string[] = [];
  readonly #failure: Error | undefined;

  constructor(failure?: Error) {
    this.#failure = failure;
  }

  write(items: readonly ExchangeItem[]): void | Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.seen.push(...items.map((each) => (each.kind === "coverage" ? each.reason : each.kind)));
  }

  async flush(): Promise<void> {
    this.seen.push("flush");
  }

  async reopen(): Promise<void> {
    this.seen.push("reopen");
  }

  async close(): Promise<void> {
    this.seen.push("close");
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function outputs(sinks: readonly Consumer[], maxMessages?: number): Outputs {
  const asked = {
    accepts: (each: ExchangeItem) => each.kind === "coverage" && each.reason !== "hidden",
    gate: undefined,
    countsAsShown: (each: ExchangeItem) => each.kind === "coverage" && each.reason === "counted",
    maxMessages,
  };
  return new Outputs(sinks, asked, { written: 7, readerGone: () => true });
}

describe("Outputs", () => {
  test("Outputs passes on what standard output says of its reader", () => {
    expect([outputs([]).streamed, outputs([]).readerGone()]).toEqual([7, true]);
  });

  test("Outputs gives every sink what is accepted, in order", async () => {
    const [one, two] = [new Recorder(), new Recorder()];
    const all = outputs([one, two]);
    await all.write([item("a"), item("hidden"), item("b")]);
    await all.flush();
    await all.reopen();
    await all.close(summary());
    expect(one.seen).toEqual(["a", "b", "flush", "reopen", "close"]);
    expect(two.seen).toEqual(one.seen);
  });

  test("Outputs stops at --max-messages and says so", async () => {
    const sink = new Recorder();
    const all = outputs([sink], 2);
    await all.write([item("counted"), item("a")]);
    expect(all.full).toBe(false);
    await all.write([item("counted"), item("b"), item("counted")]);
    await all.write([item("c")]);
    expect({ full: all.full, seen: sink.seen }).toEqual({
      full: true,
      seen: ["counted", "a", "counted"],
    });
  });

  test("Outputs knows whether a message was asked for, its kind shown or not", async () => {
    const all = outputs([]);
    await all.write([item("a"), item("hidden")]);
    const before = all.matched;
    await all.write([item("counted")]);
    expect([before, all.matched]).toEqual([false, true]);
  });

  test("Outputs closes every sink though one fails, and reports the failed output", async () => {
    const disk = new OutputError("Cannot write", { path: "x" });
    const sinks = [new Recorder(new ReaderGone()), new Recorder(disk), new Recorder()];
    const all = outputs(sinks);
    expect(all.write([item("a")])).rejects.toBe(disk);
    expect(all.close(summary())).rejects.toBe(disk);
    expect(sinks.map(({ seen }) => seen.at(-1))).toEqual(["close", "close", "close"]);
    expect(sinks[2]?.seen).toEqual(["a", "close"]);
  });
});
