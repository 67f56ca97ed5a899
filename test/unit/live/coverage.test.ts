import { expect, test } from "bun:test";
import { Coverage } from "../../../src/live/coverage.ts";
import type { Blind } from "../../../src/stream/types.ts";
import { channel, frame, process } from "../sinks/items.ts";

function blind(over: Partial<Blind> = {}): Blind {
  const nobody = { channel: undefined, process: undefined };
  return { kind: "blind", reason: "io_uring", bytes: 0, timeNs: 7, ...nobody, ...over };
}

test("Coverage tells of a blind spot once for each channel or process, and of one without either each time", () => {
  const coverage = new Coverage();
  const [one, other] = [channel(), channel()];
  const told = [
    blind({ channel: one }),
    blind({ channel: one }),
    blind({ channel: other }),
    blind({ process: process() }),
    blind(),
    blind(),
  ].map((spot) => coverage.blind(spot).length);
  expect(told).toEqual([1, 0, 1, 1, 1, 1]);
});

test("Coverage makes a blind spot into a line", () => {
  const one = channel();
  expect(new Coverage().blind(blind({ channel: one, bytes: 5 }))).toEqual([
    {
      kind: "coverage",
      reason: "io_uring",
      channel: one,
      process: undefined,
      bytes: 5,
      timeNs: 7,
    },
  ]);
});

test("Coverage tells once that a channel with messages had been set aside", () => {
  const coverage = new Coverage();
  const retried = channel({ uncounted: true });
  const frames = [frame("{}", { channel: retried }), frame("{}", { channel: retried })];
  for (const each of frames) coverage.framed(each);
  const told = frames.map((each) => coverage.message(each).map(({ reason }) => reason));
  expect(told).toEqual([["set_aside"], []]);
});

test("Coverage says nothing of messages on a channel that never was set aside", () => {
  const coverage = new Coverage();
  const heard = frame("{}");
  coverage.framed(heard);
  expect(coverage.message(heard)).toEqual([]);
});
