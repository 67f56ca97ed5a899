/** Times as callers write them in, ms since the epoch out; and back as ISO 8601. */

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** "15m", "2h", "90s" ago, or an ISO 8601 time. undefined: it is no time. */
export function parseSince(text: string, nowMs: number): number | undefined {
  const ago = /^(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|m|h|d)(?:\s+ago)?$/i.exec(text.trim());
  if (ago !== null) return nowMs - Number(ago[1]) * (UNITS[(ago[2] ?? "").toLowerCase()] ?? 0);
  const at = /^\d{4}-\d{2}-\d{2}/.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** "2026-11-20T12:34:56.789Z" */
export function isoTime(ms: number): string {
  // a clock far off is no reason to answer nothing
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : "unknown";
}

export function isoTimeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : isoTime(ms);
}

/** Milliseconds to the microsecond. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

export function roundMsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : roundMs(ms);
}
