import { expect, test } from "bun:test";
import { FanOut } from "../../../src/delivery/fan-out.ts";
import type { Consumer } from "../../../src/delivery/types.ts";
import type { CoverageLine, ExchangeItem } from "../../../src/exchange/types.ts";
import { OutputError, ReaderGone } from "../../../src/sinks/errors.ts";

const LINE: CoverageLine = {
  kind: "coverage",
  reason: "x",
  channel: undefined,
  process: undefined,
  bytes: 0,
  timeNs: 0,
};

/** `take`: what its write returns. */
function consumer(take: () => void | Promise<void>) {
  const batches: (readonly ExchangeItem[])[] = [];
  const each: Consumer = {
    write: (items) => {
      batches.push(items);
      return take();
    },
    flush: async () => undefined,
    reopen: async () => undefined,
    close: async () => undefined,
  };
  return { each, batches };
}

test("FanOut gives every consumer the same batch", () => {
  const [one, two] = [consumer(() => undefined), consumer(() => undefined)];
  const items = [LINE];
  expect(new FanOut([one.each, two.each]).write(items)).toBeUndefined();
  expect(one.batches[0]).toBe(items);
  expect(two.batches[0]).toBe(items);
});

test("FanOut makes wait for the consumers that are full, and for no others", async () => {
  const full = Promise.withResolvers<void>();
  const [slow, quick] = [consumer(() => full.promise), consumer(() => undefined)];
  const wait = new FanOut([slow.each, quick.each]).write([LINE]);
  expect(quick.batches.length).toBe(1);
  let isOver = false;
  const over = Promise.resolve(wait).then(() => {
    isOver = true;
  });
  await Bun.sleep(5);
  expect(isOver).toBe(false);
  full.resolve();
  await over;
});

test.each([[0], [1]])(
  "FanOut tells of a failed output before a reader that has gone",
  async (first) => {
    const disk = new OutputError("Cannot write", { path: "x" });
    const gone = consumer(() => Promise.reject(new ReaderGone())).each;
    const failed = consumer(() => Promise.reject(disk)).each;
    const all = new FanOut(first === 0 ? [gone, failed] : [failed, gone]);
    expect(await Promise.resolve(all.write([LINE])).catch((error: unknown) => error)).toBe(disk);
  },
);
