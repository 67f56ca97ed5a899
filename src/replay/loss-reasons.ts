/** Which reasons of loss a recording may name. */
import type { LossReason } from "../capture/types.ts";

/** A record, so that the compiler asks for every reason. */
const REASONS: Readonly<Record<LossReason, true>> = {
  ring_full: true,
  fault: true,
  call_too_large: true,
  cut_by_gap: true,
  line_too_long: true,
  started_before_attach: true,
  unfinished_line: true,
  unseen_read: true,
  unread: true,
  memory_limit: true,
};

export function isLossReason(text: string): text is LossReason {
  return Object.hasOwn(REASONS, text);
}
