import { expect, test } from "bun:test";
import { CatchUp } from "../../../src/live/catch-up.ts";

test("CatchUp asks for what was lost when more found no room, again until it could be told", () => {
  const state = { full: 0, isQuiet: false };
  const asked: number[] = [];
  const catchUp = new CatchUp(
    {
      catchUp: (nowNs) => {
        asked.push(nowNs);
        return state.isQuiet;
      },
    },
    { ringFullCount: () => state.full },
  );
  catchUp.chores(1);
  expect(asked).toEqual([]);
  state.full = 5;
  catchUp.chores(2);
  state.isQuiet = true;
  catchUp.chores(3);
  catchUp.chores(4);
  expect(asked).toEqual([2, 3]);
});
