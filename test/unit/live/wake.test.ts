import { expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RingBuffer } from "../../../ffi/ring-buffer.ts";
import { Wake } from "../../../src/live/wake.ts";

const LONG_MS = 60_000;

/** A ring whose wake pipe a test writes to. */
function makeRing(state: { isEmpty: boolean }) {
  const folder = mkdtempSync(join(tmpdir(), "overhear-test-"));
  const fifo = join(folder, "wake");
  Bun.spawnSync(["mkfifo", fifo]);
  const wakeFd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeFd = openSync(fifo, constants.O_WRONLY);
  let sleeps = 0;
  const ring: RingBuffer = Object.create(null, {
    wakeFd: { value: wakeFd },
    sleep: {
      value: () => {
        sleeps += 1;
        return state.isEmpty;
      },
    },
  });
  return {
    ring,
    sleeps: () => sleeps,
    wake: () => writeSync(writeFd, "x"),
    [Symbol.dispose]() {
      closeSync(writeFd);
      rmSync(folder, { recursive: true });
    },
  };
}

async function timed(wait: Promise<void>): Promise<number> {
  const start = performance.now();
  await wait;
  return performance.now() - start;
}

test("Wake returns at once when there are records already", async () => {
  using made = makeRing({ isEmpty: false });
  expect(await timed(new Wake(made.ring).wait(LONG_MS))).toBeLessThan(1_000);
});

test("Wake returns when the ring says that there are records, and asks anew the next time", async () => {
  using made = makeRing({ isEmpty: true });
  const wake = new Wake(made.ring);
  for (let round = 1; round <= 3; round++) {
    const wait = timed(wake.wait(LONG_MS));
    made.wake();
    expect(await wait).toBeLessThan(5_000);
    expect(made.sleeps()).toBe(round);
  }
});

test("Wake returns after the time that it was given, and stays armed", async () => {
  using made = makeRing({ isEmpty: true });
  const wake = new Wake(made.ring);
  expect(await timed(wake.wait(20))).toBeGreaterThan(15);
  expect(await timed(wake.wait(20))).toBeGreaterThan(15);
  expect(made.sleeps()).toBe(1);
});

test("Wake returns when it is poked", async () => {
  using made = makeRing({ isEmpty: true });
  const wake = new Wake(made.ring);
  const wait = timed(wake.wait(LONG_MS));
  wake.poke();
  expect(await wait).toBeLessThan(5_000);
});
