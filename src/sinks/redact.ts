/** Text with secrets in, the same text with a mask in their place out. */
import { isJson } from "../json-grammar.ts";
import { applyRules, MASK } from "./redact-rules.ts";
import { maskTokens } from "./redact-secretlint.ts";
import { isSecretKey } from "./secret-key.ts";

/** Masks secrets; every method gives its argument back unchanged when it finds none. */
export interface Redactor {
  /** Valid JSON text stays valid JSON text; what is not masked keeps its form (numbers, order, escapes). */
  json(json: string): string;
  text(text: string): string;
  commandLine(argv: readonly string[]): readonly string[];
}

export const redactor: Redactor = {
  json: (json) => new JsonMasker(json, 0).run(),
  text: (text) => maskText(text, 0),
  commandLine: maskCommandLine,
};

/** JSON in a string of JSON in a string …: looked into so deep, then taken as plain text. */
const MAX_NESTED = 4;
/** The shortest text that a rule can find something in ("pwd=x"). */
const MIN_TEXT_CHARS = 5;

const MARK = /["[\]{}]/g;
const MARK_OR_NUMBER = /["[\]{}]|-?\d[\d.eE+-]*/g;

/** Walks the tokens of valid JSON text; strings are judged decoded, by their key and by their content. */
class JsonMasker {
  readonly #json: string;
  readonly #nested: number;
  #masked = "";
  /** Up to here the text is in `#masked` already. */
  #copied = 0;
  #at = 0;
  /** Whether the values that stand here belong to a secret key: the object's last one, or the array's. */
  #secret = false;
  readonly #outer: boolean[] = [];

  constructor(json: string, nested: number) {
    this.#json = json;
    this.#nested = nested;
  }

  run(): string {
    for (;;) {
      const mark = this.#secret ? MARK_OR_NUMBER : MARK;
      mark.lastIndex = this.#at;
      const match = mark.exec(this.#json);
      if (match === null) break;
      this.#at = match.index + match[0].length;
      this.#token(match[0], match.index);
    }
    return this.#copied === 0 ? this.#json : this.#masked + this.#json.slice(this.#copied);
  }

  #token(token: string, start: number): void {
    switch (token) {
      case '"':
        this.#string(start);
        break;
      case "{":
        this.#outer.push(this.#secret);
        this.#secret = false;
        break;
      case "[":
        this.#outer.push(this.#secret);
        break;
      case "]":
      case "}":
        this.#secret = this.#outer.pop() ?? false;
        break;
      default:
        this.#put(start, MASK);
    }
  }

  #string(start: number): void {
    this.#at = endOfString(this.#json, start);
    const value = decode(this.#json.slice(start, this.#at));
    const isKey = isColonNext(this.#json, this.#at);
    const whole = this.#secret && !isKey && value !== "";
    const result = whole ? MASK : maskText(value, this.#nested);
    if (result !== value) this.#put(start, result);
    if (isKey) this.#secret = isSecretKey(value);
  }

  /** Replaces the text from `start` to the current place. */
  #put(start: number, value: string): void {
    this.#masked += this.#json.slice(this.#copied, start) + JSON.stringify(value);
    this.#copied = this.#at;
  }
}

/** Behind the quote that closes the string which opens at `start`. */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (end > 0) {
    let backslashes = 0;
    while (json[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
    end = json.indexOf('"', end + 1);
  }
  return json.length;
}

function isColonNext(json: string, from: number): boolean {
  let at = from;
  while (json[at] === " " || json[at] === "\t" || json[at] === "\n" || json[at] === "\r") at += 1;
  return json[at] === ":";
}

function decode(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  const value: unknown = JSON.parse(literal);
  return typeof value === "string" ? value : "";
}

function maskText(text: string, nested: number): string {
  if (text.length < MIN_TEXT_CHARS) return text;
  if (nested < MAX_NESTED && looksLikeJson(text) && isJson(text))
    return new JsonMasker(text, nested + 1).run();
  return maskTokens(applyRules(text));
}

function looksLikeJson(text: string): boolean {
  return /^\s*[[{]/.test(text) && /[\]}]\s*$/.test(text.slice(-64));
}

/** `--api-key VALUE` has its secret in an argument of its own; all other forms are text. */
function maskCommandLine(argv: readonly string[]): readonly string[] {
  return argv.map((argument, index) => {
    const option = argv[index - 1];
    const isValue = option !== undefined && /^--?[A-Za-z][\w-]*$/.test(option);
    if (isValue && !argument.startsWith("-") && isSecretKey(option)) return MASK;
    return maskText(argument, 0);
  });
}
