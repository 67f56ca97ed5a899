import { expect, test } from "bun:test";
import { ProgressLimit } from "../../../src/sinks/progress-limit.ts";
import { callAnswer, frame, message, messageLine, session, TIME_NS } from "./items.ts";

/** Progress of a call, so many ms after the first. */
function progress(ms: number, callId: string | undefined = "7", of = session()) {
  return messageLine({
    session: of,
    callId,
    message: message({
      type: "notification",
      method: "notifications/progress",
      frame: frame("", { timeNs: TIME_NS + ms * 1e6 }),
    }),
  });
}

test("ProgressLimit passes one line a second for each call, and says what it left out", () => {
  const limit = new ProgressLimit();
  const times = Array.from({ length: 250 }, (_, index) => index * 10);
  const passed = times.flatMap((ms) => {
    const before = limit.pass(progress(ms));
    return before === undefined ? [] : [[ms, before]];
  });
  expect(passed).toEqual([
    [0, 0],
    [1000, 99],
    [2000, 99],
  ]);
  expect(limit.pass(progress(2500, "8"))).toBe(0);
  expect([limit.finish(callAnswer()), limit.finish(callAnswer())]).toEqual([49, 0]);
});

test("ProgressLimit says at a session's end what was left out of calls that nobody answered", () => {
  const limit = new ProgressLimit();
  const other = session({ id: "s2" });
  for (let ms = 0; ms < 100; ms += 10) limit.pass(progress(ms, "7", other));
  expect([limit.end("s1"), limit.end("s2"), limit.end("s2")]).toEqual([0, 9, 0]);
});

test("ProgressLimit counts calls that it has no room for, and those that nobody knows, together", () => {
  const limit = new ProgressLimit();
  const ids = Array.from({ length: 1_000 }, (_, index) => String(index));
  const first = ids.filter((id) => limit.pass(progress(0, id)) === 0);
  expect(first).toHaveLength(257);
  expect(limit.pass(progress(1, undefined))).toBeUndefined();
  expect(limit.pass(progress(1, "x".repeat(1_000_000)))).toBeUndefined();
  expect(limit.end("s1")).toBe(1_000 - 257 + 2);
});
