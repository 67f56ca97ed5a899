import { expect, test } from "bun:test";
import { SimilarCalls } from "../../../src/sinks/similar-calls.ts";
import { callAnswer, callRequest, message, messageLine } from "./items.ts";

test("SimilarCalls asks for the id while two calls of one tool are open", () => {
  const calls = new SimilarCalls();
  const lines = [callRequest(), callRequest(), callAnswer(), callAnswer(), callRequest()];
  expect(lines.map((line) => calls.needsId(line))).toEqual([false, true, true, true, false]);
});

test("SimilarCalls tells tools, directions and sessions apart, and does without requests that it did not see", () => {
  const calls = new SimilarCalls();
  const back = { ...callRequest(), direction: "server-to-client" } as const;
  const elsewhere = { ...callRequest(), session: { ...callRequest().session, id: "s2" } };
  const lines = [
    callAnswer(),
    callRequest(),
    { ...callRequest(), target: "get_time" },
    back,
    elsewhere,
    messageLine({ message: message({ type: "notification", method: "tools/call" }) }),
    callAnswer(),
  ];
  expect(lines.map((line) => calls.needsId(line))).toEqual(lines.map(() => false));
});

test("SimilarCalls forgets a session that ended", () => {
  const calls = new SimilarCalls();
  calls.needsId(callRequest());
  calls.end("s1");
  expect(calls.needsId(callRequest())).toBe(false);
});

test("SimilarCalls holds so many different calls, and no more", () => {
  const calls = new SimilarCalls();
  const names = Array.from({ length: 100 }, (_, index) => `tool-${index}`);
  const ask = (target: string) => calls.needsId({ ...callRequest(), target });
  for (const name of names) ask(name);
  expect(names.filter((name) => ask(name))).toHaveLength(64);
});
