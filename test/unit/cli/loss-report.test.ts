import { expect, test } from "bun:test";
import { reportLoss } from "../../../src/cli/loss-report.ts";
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

const NO_LOSS: Summary["loss"] = {
  ring_full: 0,
  fault: 0,
  call_too_large: 0,
  cut_by_gap: 0,
  line_too_long: 0,
  started_before_attach: 0,
  unfinished_line: 0,
  unseen_read: 0,
  unread: 0,
  memory_limit: 0,
};

function summary(loss: Partial<Summary["loss"]>, capture: Partial<CaptureFacts>): Summary {
  const all = { ...NO_LOSS, ...loss };
  return {
    kind: "summary",
    startNs: 0,
    timeNs: 0,
    durationMs: 0,
    replay: false,
    capture: { ...CAPTURE, ...capture },
    messages: 0,
    messageBytes: 0,
    byType: { request: 0, notification: 0, response: 0, error: 0 },
    sessions: 0,
    calls: [],
    callsFinished: 0,
    callsUnanswered: 0,
    openCalls: [],
    loss: all,
    lossBytes: Object.values(all).reduce((sum, bytes) => sum + bytes, 0) - all.unread,
    noiseBytes: 0,
    coverage: {},
    endedBy: "signal",
  };
}

test.each([
  ["bytes that found no room", { ring_full: 2048 }, {}, "2.0 kB lost: ring_full 2.0 kB"],
  [
    "skipped runs",
    {},
    { exact: false, skippedRuns: 3 },
    "up to 3 program runs skipped by the kernel",
  ],
  ["missed bytes", {}, { exact: false, missedBytes: 162 }, "162 bytes read and not heard"],
  ["bytes of no channel", {}, { unattributedBytes: 7 }, "7 bytes of unknown channels"],
  ["what was never read, and faults", { unread: 9, fault: 1 }, {}, "1 byte lost: fault 1 byte"],
] as const)("reportLoss tells of %s", (_, loss, capture, text) => {
  const [said, hint] = reportLoss(summary(loss, capture));
  expect(said).toBe(`overhear: Not all was heard: ${text}`);
  expect(hint).toStartWith("hint: ");
});
