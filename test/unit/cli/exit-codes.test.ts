import { expect, test } from "bun:test";
import { EXIT_CODES, exitCodeOf } from "../../../src/cli/exit-codes.ts";
import type { CaptureFacts, Summary } from "../../../src/exchange/types.ts";

const CAPTURE: CaptureFacts = {
  frontEnd: "fexit",
  kernel: "6.12.0",
  exact: true,
  skippedRuns: 0,
  missedBytes: 0,
  notesLost: 0,
  processEventsLost: 0,
  channelsSeen: 2,
  unattributedBytes: 0,
};

function summary(lossBytes: number, capture: CaptureFacts | undefined): Summary {
  return {
    kind: "summary",
    startNs: 0,
    timeNs: 0,
    durationMs: 0,
    replay: false,
    capture,
    messages: 0,
    messageBytes: 0,
    byType: { request: 0, notification: 0, response: 0, error: 0 },
    sessions: 0,
    calls: [],
    callsFinished: 0,
    callsUnanswered: 0,
    openCalls: [],
    loss: {
      ring_full: lossBytes,
      fault: 0,
      call_too_large: 0,
      cut_by_gap: 0,
      line_too_long: 0,
      started_before_attach: 0,
      unfinished_line: 0,
      unseen_read: 0,
      unread: 0,
      memory_limit: 0,
    },
    lossBytes,
    noiseBytes: 0,
    coverage: {},
    endedBy: "signal",
  };
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
  expect(exitCodeOf(summary(lossBytes, capture), true)).toBe(code);
});

test("exitCodeOf takes no notice of loss without --fail-on-loss", () => {
  expect(exitCodeOf(summary(99, { ...CAPTURE, exact: false }), false)).toBe(0);
});

test("EXIT_CODES says what every code means, once", () => {
  expect(EXIT_CODES.map((each) => each.code)).toEqual([0, 1, 2, 3, 4, 5, 6, 126, 127]);
  expect(EXIT_CODES.filter((each) => each.meaning.length < 10)).toEqual([]);
});
