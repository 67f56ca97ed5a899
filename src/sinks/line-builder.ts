/** Members of a JSON object in, one output line out, as a whole or, with long texts in it, in pieces. */
import { mendSurrogates, type Unfit } from "../json-readers.ts";
import type { LineContext } from "./line-context.ts";
import { flat, joined, LONG_CHARS, type Rendered } from "./long-text.ts";

/** A longer text that may stand in a line as it is costs more to join to it than to write alone. */
const JOINED_CHARS = 1 << 12;

export class LineBuilder {
  readonly #context: LineContext;
  /** What comes before `text`, when there were long texts. */
  #parts: Rendered[] | undefined;
  /** The line since its last long text: short members are added to it as they are. */
  text: string;

  constructor(context: LineContext, start: string) {
    this.#context = context;
    this.text = start;
  }

  /** `isClean`: the text may stand in a line as it is. Undefined: no such member. */
  json(key: string, text: string | undefined, isClean = false): void {
    if (text === undefined) return;
    this.text += `,"${key}":`;
    if (isClean && text.length > JOINED_CHARS) this.#long(text);
    else if (text.length > LONG_CHARS) this.#long(this.#context.longJson(text));
    else this.text += isClean ? text : this.#context.json(text);
  }

  /** As `json`; of what some reader of JSON would refuse `"key_text":"…"`. */
  member(key: string, text: string | undefined, unfit: Unfit | undefined, isClean = false): void {
    if (text === undefined) return;
    if (unfit === undefined) this.json(key, text, isClean);
    else {
      if (unfit === "mended") this.json(key, mendSurrogates(text));
      this.quoted(`${key}_text`, text);
    }
  }

  quoted(key: string, text: string): void {
    this.text += `,"${key}":`;
    const quoted = this.#context.longQuote(text);
    if (text.length > LONG_CHARS) this.#long(quoted);
    else this.text += joined(quoted);
  }

  /** The line, without its "\n". */
  finish(): Rendered {
    this.text += "}";
    return this.#parts === undefined ? this.text : flat([...this.#parts, this.text]);
  }

  #long(pieces: Rendered): void {
    this.#parts ??= [];
    this.#parts.push(this.text, pieces);
    this.text = "";
  }
}
