/** Timestamps of a recording in, times as the rooms count them out, and back. */
import type { WallClock } from "../sinks/types.ts";
import { type Fields, textField } from "./fields.ts";

/** "2026-11-20T12:34:56.789012Z" in Unix µs; undefined when it is no such text. */
export function parseTimestamp(text: string | undefined): number | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z$/.exec(text ?? "");
  if (match?.[1] === undefined) return undefined;
  const millis = Date.parse(`${match[1]}Z`);
  return Number.isNaN(millis) ? undefined : millis * 1000 + Number(match[2]);
}

/** How long before its first line a recording may name times: processes are older than their messages. */
const LEAD_MICROS = 100 * 86_400_000_000;

/**
 * Nanoseconds since a moment before the recording, as bootNs stands for them live. Unix ns would not fit
 * a number; from here they are whole µs and exact for more than a year.
 */
export class RecordedClock implements WallClock {
  #originMicros: number | undefined;

  /** The first call fixes the origin. */
  toNs(unixMicros: number): number {
    this.#originMicros ??= unixMicros - LEAD_MICROS;
    return (unixMicros - this.#originMicros) * 1000;
  }

  toUnixMicros(bootNs: number): number {
    return (this.#originMicros ?? 0) + Math.round(bootNs / 1000);
  }
}

/** The time in a field; undefined: there is none, or it makes no sense. */
export function readTime(line: Fields, key: string, clock: RecordedClock): number | undefined {
  const micros = parseTimestamp(textField(line, key));
  return micros === undefined ? undefined : clock.toNs(micros);
}
