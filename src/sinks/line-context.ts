/** What every kind of line needs: the clock, whether raw text is asked for, and the mask for secrets. */
import type { Party, Process } from "../capture/types.ts";
import { mendSurrogates, unfitId } from "../json-readers.ts";
import { isProcess } from "../party.ts";
import { lineSafeJson, quote, stringify } from "./json-text.ts";
import { cut, joined, LONG_CHARS } from "./long-text.ts";
import type { Redactor } from "./redact.ts";
import { UtcTimestamps } from "./timestamp.ts";
import type { WallClock } from "./types.ts";

export interface LineOptions {
  readonly clock: WallClock;
  /** Message lines carry the exact text. */
  readonly raw: boolean;
  /** Masks secrets before anything is written; undefined: nothing is masked. */
  readonly redactor: Redactor | undefined;
}

/** How many different method and target names are remembered as JSON text. */
const MAX_QUOTED = 4096;

/** Renders the parts that several kinds of line share. Not shared between sinks: it caches. */
export class LineContext {
  readonly raw: boolean;
  readonly redactor: Redactor | undefined;
  readonly #clock: WallClock;
  readonly #timestamps = new UtcTimestamps();
  readonly #quoted = new Map<string, string>();

  constructor(options: LineOptions) {
    this.raw = options.raw;
    this.redactor = options.redactor;
    this.#clock = options.clock;
  }

  /** `2026-11-20T12:34:56.789012Z` of a CLOCK_BOOTTIME ns. */
  timestamp(bootNs: number): string {
    return this.#timestamps.render(this.#clock.toUnixMicros(bootNs));
  }

  /** A method, tool or name as JSON text; the same few come again and again. */
  name(text: string): string {
    const known = this.#quoted.get(text);
    if (known !== undefined) return known;
    const json = this.text(text);
    if (text.length <= 256) {
      if (this.#quoted.size >= MAX_QUOTED) this.#quoted.clear();
      this.#quoted.set(text, json);
    }
    return json;
  }

  /** Any text as JSON text, secrets masked. */
  text(text: string): string {
    return quote(this.redactor === undefined ? text : this.redactor.text(text));
  }

  /** JSON text from the wire, secrets masked, without raw control characters. */
  json(json: string): string {
    return lineSafeJson(this.redactor === undefined ? json : this.redactor.json(json));
  }

  /** `,"key":7` of an id's text; of one that some reader of JSON would refuse `,"key_text":"[7]"`. */
  id(key: string, idText: string): string {
    const unfit = unfitId(idText);
    if (unfit === undefined) return `,"${key}":${this.json(idText)}`;
    const mended = unfit === "mended" ? `,"${key}":${this.json(mendSurrogates(idText))}` : "";
    return `${mended},"${key}_text":${joined(this.longQuote(idText))}`;
  }

  /** As `json`, in pieces. What is masked, or is short, is one. */
  *longJson(json: string): Generator<string> {
    if (this.redactor !== undefined || json.length <= LONG_CHARS) yield this.json(json);
    else for (const piece of cut(json)) yield lineSafeJson(piece);
  }

  /** Any text as JSON text in pieces; secrets are masked as in JSON text. */
  *longQuote(text: string): Generator<string> {
    const masked = this.redactor === undefined ? text : this.redactor.json(text);
    if (masked.length <= LONG_CHARS) yield quote(masked);
    else {
      yield '"';
      for (const piece of cut(masked)) yield quote(piece).slice(1, -1);
      yield '"';
    }
  }

  /** A parsed JSON value as JSON text, secrets masked. */
  value(value: unknown): string {
    return this.json(stringify(value));
  }

  /** A process, or `{"address":…}` of another host; null until an event has named one. */
  party(party: Party | undefined): string {
    if (party === undefined) return "null";
    return isProcess(party) ? this.process(party) : `{"address":${quote(party.address)}}`;
  }

  /** `{"pid":…,"start_time":…,"comm":…,"command_line":[…]}`, with container_id and exit where there are. */
  process(process: Process): string {
    let json =
      `{"pid":${process.pid},"start_time":"${this.timestamp(process.startNs)}"` +
      `,"comm":${this.text(process.comm)},"command_line":${this.argumentsOf(process.commandLine)}`;
    if (process.containerId !== undefined) json += `,"container_id":${quote(process.containerId)}`;
    if (process.exit !== undefined) {
      const { code, signal } = process.exit;
      json += `,"exit":{"code":${code ?? null},"signal":${signal ?? null}}`;
    }
    return `${json}}`;
  }

  /** argv as a JSON array, secrets masked. */
  argumentsOf(argv: readonly string[]): string {
    return stringify(this.redactor === undefined ? argv : this.redactor.commandLine(argv));
  }
}

/** `,"duration_ms":1.234` with µs precision, or nothing. */
export function millis(key: string, value: number | undefined): string {
  return value === undefined ? "" : `,"${key}":${Math.round(value * 1000) / 1000}`;
}
