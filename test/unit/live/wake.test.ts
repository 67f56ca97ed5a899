import { expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Waiting, Wake } from "../../../src/live/wake.ts";

const LONG_MS = 60_000;

/** A ring whose wake pipe a test writes to, and whose waits in the kernel end at once and as the test says. */
function makeRing(state: { isEmpty: boolean; end?: ReturnType<Waiting["wait"]> }) {
  const folder = mkdtempSync(join(tmpdir(), "overhear-test-"));
  const fifo = join(folder, "wake");
  Bun.spawnSync(["mkfifo", fifo]);
  const wakeFd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeFd = openSync(fifo, constants.O_WRONLY);
  let sleeps = 0;
  const waits: { napMs: number; mostMs: number }[] = [];
  const ring: Waiting = {
    wakeFd,
    sleep: () => {
      sleeps += 1;
      return state.isEmpty;
    },
    wait: (napMs, mostMs) => {
      waits.push({ napMs, mostMs });
      return state.end ?? "records";
    },
  };
  return {
    ring,
    waits,
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

/** One whose last two batches came so many ms apart, the last one just now: the machine's load does not matter. */
function heardTwo(ring: Waiting, apartMs: number): Wake {
  let nowMs = 1_000;
  const wake = new Wake(ring, () => nowMs);
  wake.heard();
  nowMs += apartMs;
  wake.heard();
  return wake;
}

test("Wake naps in the kernel while batches come one upon the other", async () => {
  using made = makeRing({ isEmpty: true });
  using wake = heardTwo(made.ring, 0);
  await wake.wait(200);
  expect(made.waits).toEqual([{ napMs: 4, mostMs: 200 }]);
  expect(made.sleeps()).toBe(0);
});

test("Wake naps no longer than it may wait", async () => {
  using made = makeRing({ isEmpty: true });
  using wake = heardTwo(made.ring, 0);
  await wake.wait(1);
  expect(made.waits).toEqual([{ napMs: 1, mostMs: 1 }]);
});

test("Wake waits in the kernel, without a nap, for batches that come now and then", async () => {
  using made = makeRing({ isEmpty: true });
  using wake = heardTwo(made.ring, 20);
  await wake.wait(150);
  expect(made.waits).toEqual([{ napMs: 0, mostMs: 150 }]);
});

test("Wake waits on the event loop when batches are far apart", async () => {
  using made = makeRing({ isEmpty: true });
  using wake = heardTwo(made.ring, 300);
  await wake.wait(10);
  expect({ waits: made.waits, sleeps: made.sleeps() }).toEqual({ waits: [], sleeps: 1 });
});

test("Wake lets the event loop turn when a signal ends a wait, and waits there until batches are near again", async () => {
  using made = makeRing({ isEmpty: true, end: "signal" });
  using wake = heardTwo(made.ring, 0);
  let turns = 0;
  setTimeout(() => turns++, 0);
  setImmediate(() => turns++);
  await wake.wait(200);
  expect(turns).toBeGreaterThan(0);
  await wake.wait(10);
  expect({ waits: made.waits.length, sleeps: made.sleeps() }).toEqual({ waits: 1, sleeps: 1 });
  wake.heard();
  wake.heard();
  await wake.wait(10);
  expect(made.waits.length).toBe(2);
});

test("Wake does not wait in the kernel when what it has let in pokes it", async () => {
  using made = makeRing({ isEmpty: true });
  using wake = heardTwo(made.ring, 0);
  setImmediate(() => wake.poke());
  await wake.wait(200);
  expect(made.waits).toEqual([]);
  await wake.wait(200);
  expect(made.waits.length).toBe(1);
});

test("Wake lets timers in while records never end", async () => {
  using made = makeRing({ isEmpty: true });
  using wake = new Wake(made.ring);
  let isOver = false;
  setTimeout(() => {
    isOver = true;
  }, 5);
  const begun = performance.now();
  while (!isOver && performance.now() - begun < 5_000) {
    wake.heard();
    await wake.wait(200);
  }
  expect(isOver).toBe(true);
});

test("Wake returns at once when there are records already", async () => {
  using made = makeRing({ isEmpty: false });
  using wake = new Wake(made.ring);
  expect(await timed(wake.wait(LONG_MS))).toBeLessThan(1_000);
});

test("Wake returns when the ring says that there are records, and asks anew the next time", async () => {
  using made = makeRing({ isEmpty: true });
  using wake = new Wake(made.ring);
  for (let round = 1; round <= 3; round++) {
    const wait = timed(wake.wait(LONG_MS));
    made.wake();
    expect(await wait).toBeLessThan(5_000);
    expect(made.sleeps()).toBe(round);
  }
});

test("Wake returns after the time that it was given, and stays armed", async () => {
  using made = makeRing({ isEmpty: true });
  using wake = new Wake(made.ring);
  expect(await timed(wake.wait(20))).toBeGreaterThan(15);
  expect(await timed(wake.wait(20))).toBeGreaterThan(15);
  expect(made.sleeps()).toBe(1);
});

test("Wake returns when it is poked", async () => {
  using made = makeRing({ isEmpty: true });
  using wake = new Wake(made.ring);
  const wait = timed(wake.wait(LONG_MS));
  wake.poke();
  expect(await wait).toBeLessThan(5_000);
});
