import { expect, test } from "bun:test";
import { waitPatiently } from "../../../src/delivery/patience.ts";

test("waitPatiently waits for an output as long as the run goes on", async () => {
  const output = Promise.withResolvers<void>();
  let isDone = false;
  const wait = waitPatiently(output.promise, new Promise(() => {}), () => 0).then(() => {
    isDone = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(isDone).toBe(false);
  output.resolve();
  await wait;
  expect(isDone).toBe(true);
});

test("waitPatiently passes an output's error on", async () => {
  const failed = Promise.reject(new Error("disk full"));
  const wait = waitPatiently(failed, new Promise(() => {}), () => 0);
  expect(wait).rejects.toThrow("disk full");
  await wait.catch(() => undefined);
});

test("waitPatiently lets an output finish after the run was told to end", async () => {
  const output = Promise.withResolvers<void>();
  const wait = waitPatiently(output.promise, Promise.resolve(), () => 0);
  setTimeout(output.resolve, 20);
  expect(await wait).toBeUndefined();
});

test("waitPatiently gives up a stuck output 3 s after the run was told to end", async () => {
  const start = performance.now();
  const error: unknown = await waitPatiently(
    new Promise(() => {}),
    Promise.resolve(),
    () => 0,
  ).catch((thrown: unknown) => thrown);
  expect(performance.now() - start).toBeGreaterThan(2_900);
  expect(String(error)).toContain("its reader does not read");
  expect(Reflect.get(Object(error), "hint")).toContain("use -o FILE");
});

test("waitPatiently waits for a slow reader as long as it reads at all", async () => {
  const output = Promise.withResolvers<void>();
  let taken = 0;
  const reading = setInterval(() => {
    taken += 1;
  }, 500);
  const wait = waitPatiently(output.promise, Promise.resolve(), () => taken);
  setTimeout(output.resolve, 3_600);
  expect(await wait).toBeUndefined();
  clearInterval(reading);
});
