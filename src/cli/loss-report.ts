/** The summary of a run that lost something it must not in, a line that says what and one that helps out. */
import { isMadeByPeers } from "../exchange/loss-maker.ts";
import type { Summary } from "../exchange/types.ts";
import { formatBytes, plural } from "../sinks/quantity.ts";
import { EXIT_LOSS, exitCodeOf } from "./exit-codes.ts";
import { say } from "./say.ts";
import type { ExitCode } from "./types.ts";

/** The exit code; where that is 5, says why: cron mails what is said, not what a command ends with. */
export function endWith(summary: Summary, failOnLoss: boolean, droppedRows = 0): ExitCode {
  const code = exitCodeOf(summary, failOnLoss, droppedRows);
  if (code === EXIT_LOSS) for (const line of reportLoss(summary, droppedRows)) say(line);
  return code;
}

/** What was lost, and a hint. */
export function reportLoss(
  { loss, lossBytes, capture }: Summary,
  droppedRows = 0,
): readonly [string, string] {
  const reasons = Object.entries(loss).filter(
    ([reason, bytes]) => bytes > 0 && !isMadeByPeers(reason),
  );
  const named = reasons.map(([reason, bytes]) => `${reason} ${formatBytes(bytes)}`);
  const lost = [
    lossBytes > 0 ? `${formatBytes(lossBytes)} lost: ${named.join(", ")}` : "",
    capture !== undefined && capture.unattributedBytes > 0
      ? `${formatBytes(capture.unattributedBytes)} of unknown channels`
      : "",
    capture !== undefined && capture.skippedRuns > 0
      ? `up to ${capture.skippedRuns} program runs skipped by the kernel`
      : "",
    capture !== undefined && capture.missedBytes > 0
      ? `${formatBytes(capture.missedBytes)} read and not heard`
      : "",
    droppedRows > 0 ? `${plural(droppedRows, "row")} not in the history` : "",
  ].filter((each) => each !== "");
  return [
    `overhear: Not all was heard: ${lost.join("; ")}`,
    `hint: ${lossBytes > 0 ? hintFor(loss) : "the summary line has the numbers"}; docs/ndjson.md explains the reasons`,
  ];
}

function hintFor(loss: Summary["loss"]): string {
  if (loss.ring_full > 0) return "a larger --ring, a filter, or an output that takes it faster";
  if (loss.line_too_long > 0) return "a larger --max-message";
  return "the loss lines say on which channel";
}
