/** Texts of option values in, numbers, times, sizes and names out; each throws UsageError for what it cannot read. */
import { UsageError } from "./errors.ts";

/** A decimal integer without sign, leading zeros or exponent, within [min, max]. */
export function parseInteger(option: string, text: string, min: number, max: number): number {
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw wrongValue(option, text, `a whole number from ${min} to ${max} needed`, `${option} ${min}`);
}

const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** setTimeout's limit is 2^31 − 1 ms; a year is more than anybody listens in one run. */
const MAX_TIME_MS = 365 * 86_400_000;

/** "90s", "1h30m", "1.5h", "250ms" in ms; undefined when it is no time. */
function readTime(text: string): number | undefined {
  if (!/^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  const used = new Set<string>();
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ms|s|m|h|d)/g)) {
    if (unit === undefined || used.has(unit)) return undefined;
    used.add(unit);
    total += Number(amount) * (TIME_UNITS[unit] ?? 0);
  }
  return total > 0 && total <= MAX_TIME_MS ? Math.round(total) : undefined;
}

/** Time in ms, at least 1. */
export function parseTime(option: string, text: string): number {
  const value = readTime(text);
  if (value !== undefined && value > 0) return value;
  throw wrongValue(
    option,
    text,
    "a time with its unit needed (ms, s, m, h, d), at most 365d",
    /^0*[1-9][0-9]*$/.test(text) ? `${option} ${text}s` : `${option} 1h30m`,
  );
}

const SIZE_SHIFTS: Readonly<Record<string, number>> = { "": 0, K: 10, M: 20, G: 30 };

/** "64K", "16M", "1G", "16MiB", "4096" in bytes (powers of 1,024); undefined when it is no size. */
function readSize(text: string): number | undefined {
  const match = /^([1-9][0-9]{0,14})(?:([KMG])(?:i?B)?|B)?$/i.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]) * 2 ** (SIZE_SHIFTS[(match[2] ?? "").toUpperCase()] ?? 0);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Size in bytes within [min, max]; `range` says both in words. */
export function parseSize(
  option: string,
  text: string,
  limits: { min: number; max: number; range: string; powerOfTwo?: boolean },
): number {
  const value = readSize(text);
  const fits = value !== undefined && value >= limits.min && value <= limits.max;
  if (fits && (limits.powerOfTwo !== true || (value & (value - 1)) === 0)) return value;
  const shape = limits.powerOfTwo === true ? "a power of two" : "a size";
  throw wrongValue(option, text, `${shape} from ${limits.range} needed`, `${option} 16M`);
}

/** `--rotate`: a size or a time; the unit tells which ("100M" is a size, "100m" are minutes). */
export function parseRotation(text: string): { bytes: number } | { timeMs: number } {
  const timeMs = readTime(text);
  if (timeMs !== undefined && timeMs >= 1000) return { timeMs };
  const bytes = /^[0-9]+$/.test(text) ? undefined : readSize(text);
  if (bytes !== undefined && bytes >= 4096) return { bytes };
  throw wrongValue(
    "--rotate",
    text,
    "a size from 4K or a time from 1s needed, with its unit",
    "--rotate 100M or --rotate 1h (m are minutes, M are megabytes)",
  );
}

/** `--db-keep`: a size or a time, as with --rotate. */
export function parseKeep(text: string): { bytes: number } | { timeMs: number } {
  const timeMs = readTime(text);
  if (timeMs !== undefined && timeMs >= 60_000) return { timeMs };
  const bytes = /^[0-9]+$/.test(text) ? undefined : readSize(text);
  if (bytes !== undefined && bytes >= 1 << 24) return { bytes };
  throw wrongValue(
    "--db-keep",
    text,
    "a time from 1m or a size from 16M needed, with its unit",
    "--db-keep 7d or --db-keep 1G (m are minutes, M are megabytes)",
  );
}

/** One of `choices`. */
export function parseChoice<T extends string>(
  option: string,
  text: string,
  choices: readonly T[],
): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw wrongValue(option, text, `one of ${choices.join(", ")} needed`, undefined);
}

export function wrongValue(
  option: string,
  text: string,
  wanted: string,
  example: string | undefined,
): UsageError {
  return new UsageError(
    `Cannot use ${option} ${JSON.stringify(text)}: ${wanted}`,
    example === undefined
      ? "overhear --help says what each option takes"
      : `for example ${example}`,
  );
}
