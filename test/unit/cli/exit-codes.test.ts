import { expect, test } from "bun:test";
import { EXIT_CODES, exitCodeOf } from "../../../src/cli/exit-codes.ts";
import type { CaptureFacts, Summary } from "../../../src/exchange/types.ts";
import { CAPTURE, NO_LOSS, summary } from "../sinks/items.ts";

function lossy(lossBytes: number, capture: CaptureFacts | undefined): Summary {
  return summary({ loss: { ...NO_LOSS, ring_full: lossBytes }, lossBytes, capture });
}

test.each([
  ["nothing lost", 0, CAPTURE, 0],
  ["a byte lost", 1, CAPTURE, 5],
  ["counts that are not exact", 0, { ...CAPTURE, exact: false }, 5],
  ["bytes missed", 0, { ...CAPTURE, missedBytes: 1 }, 5],
  ["bytes of no channel", 0, { ...CAPTURE, unattributedBytes: 1 }, 5],
  ["lost notes, which are no bytes", 0, { ...CAPTURE, notesLost: 9 }, 0],
  ["a replay without loss", 0, undefined, 0],
  ["a replay with loss", 3, undefined, 5],
])("exitCodeOf with --fail-on-loss: %s", (_, lossBytes, capture, code) => {
  expect(exitCodeOf(lossy(lossBytes, capture), true)).toBe(code);
});

test("exitCodeOf with --fail-on-loss takes no notice of what the peers left unread or unfinished", () => {
  const loss = { ...NO_LOSS, unfinished_line: 46, unread: 9 };
  expect(exitCodeOf(summary({ loss, lossBytes: 0, peerLossBytes: 55 }), true)).toBe(0);
});

test("exitCodeOf takes no notice of loss without --fail-on-loss", () => {
  expect(exitCodeOf(lossy(99, { ...CAPTURE, exact: false }), false)).toBe(0);
});

test("EXIT_CODES says what every code means, once", () => {
  expect(EXIT_CODES.map((each) => each.code)).toEqual([0, 1, 2, 3, 4, 5, 6, 126, 127]);
  expect(EXIT_CODES.filter((each) => each.meaning.length < 10)).toEqual([]);
});
