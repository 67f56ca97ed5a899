/** When an output file is full or old enough, and which finished ones are to go. */
import { readdirSync, renameSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode, errorText, OutputError } from "./errors.ts";

export interface RotationRule {
  /** A file gets no line that would make it longer, except its first. */
  readonly bytes: number | undefined;
  /** Files change at multiples of this in local time: `1h` on the hour, `1d` at midnight. */
  readonly intervalMs: number | undefined;
  /** How many finished files to keep beside the current one; undefined: all. */
  readonly keep: number | undefined;
}

/** The number of the interval that a moment is in, counted in local time; 0 without an interval. */
export function intervalOf(rule: RotationRule, date: Date): number {
  if (rule.intervalMs === undefined) return 0;
  return Math.floor((date.getTime() - date.getTimezoneOffset() * 60_000) / rule.intervalMs);
}

/**
 * Makes `path` free by numbering: it becomes `path.1`, what was `path.1` becomes `path.2`, and so on;
 * numbers above `keep` are removed. Throws OutputError.
 */
export function shiftNumbered(path: string, keep: number | undefined): void {
  try {
    const numbers = numbersOf(path);
    for (const number of numbers) {
      if (keep !== undefined && number >= keep) removeFile(`${path}.${number}`);
      else renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    }
    if (keep === 0) removeFile(path);
    else renameSync(path, `${path}.1`);
  } catch (cause) {
    throw new OutputError(`Cannot rotate "${path}": ${errorText(cause)}`, { path, cause });
  }
}

/** Removes a finished file; one that is already gone is as good. Throws OutputError. */
export function removeFinished(path: string): void {
  try {
    removeFile(path);
  } catch (cause) {
    throw new OutputError(`Cannot remove "${path}": ${errorText(cause)}`, { path, cause });
  }
}

/** The numbers N of the files `path.N`, highest first, up to the first that is free counted from 1. */
function numbersOf(path: string): number[] {
  const prefix = `${basename(path)}.`;
  const present = new Set<number>();
  for (const name of readdirSync(dirname(join(path)))) {
    const rest = name.slice(prefix.length);
    if (name.startsWith(prefix) && /^[1-9]\d{0,8}$/.test(rest)) present.add(Number(rest));
  }
  const inRow: number[] = [];
  for (let number = 1; present.has(number); number += 1) inRow.unshift(number);
  return inRow;
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}
