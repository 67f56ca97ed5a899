import { expect, test } from "bun:test";
import { reportLoss } from "../../../src/cli/loss-report.ts";
import type { CaptureFacts, Summary } from "../../../src/exchange/types.ts";
import { CAPTURE, NO_LOSS, summary } from "../sinks/items.ts";

function lossy(some: Partial<Summary["loss"]>, capture: Partial<CaptureFacts>): Summary {
  const loss = { ...NO_LOSS, ...some };
  const all = Object.values(loss).reduce((sum, bytes) => sum + bytes, 0);
  const peerLossBytes = loss.unread + loss.unfinished_line;
  const lossBytes = all - peerLossBytes;
  return summary({ loss, lossBytes, peerLossBytes, capture: { ...CAPTURE, ...capture } });
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
  [
    "faults, not of what peers left unread or unfinished",
    { unread: 9, unfinished_line: 46, fault: 1 },
    {},
    "1 byte lost: fault 1 byte",
  ],
] as const)("reportLoss tells of %s", (_, loss, capture, text) => {
  const [said, hint] = reportLoss(lossy(loss, capture));
  expect(said).toBe(`overhear: Not all was heard: ${text}`);
  expect(hint).toStartWith("hint: ");
});
