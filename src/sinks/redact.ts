/** Text with secrets in, the same text with a mask in their place out. */
import { isJson } from "../json-grammar.ts";
import { applyRules, MASK, mayHoldSecret } from "./redact-rules.ts";
import { maskTokens } from "./redact-secretlint.ts";
import { endsHarmless, isSecretKey } from "./secret-key.ts";

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

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NUMBER = /-?\d[\d.eE+-]*/y;

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
    // character by character: a line of millions of tokens must leave no garbage for each
    for (let at = 0; at < this.#json.length; at = this.#at) {
      this.#at = at + 1;
      this.#token(this.#json.charCodeAt(at), at);
    }
    return this.#copied === 0 ? this.#json : this.#masked + this.#json.slice(this.#copied);
  }

  #token(code: number, start: number): void {
    switch (code) {
      case QUOTE:
        this.#string(start);
        break;
      case OPEN_BRACE:
        this.#outer.push(this.#secret);
        this.#secret = false;
        break;
      case OPEN_BRACKET:
        this.#outer.push(this.#secret);
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        this.#secret = this.#outer.pop() ?? false;
        break;
      default:
        if (this.#secret) this.#number(start);
    }
  }

  #number(start: number): void {
    NUMBER.lastIndex = start;
    if (!NUMBER.test(this.#json)) return;
    this.#at = NUMBER.lastIndex;
    this.#put(start, MASK);
  }

  #string(start: number): void {
    this.#at = endOfString(this.#json, start);
    const isKey = isColonNext(this.#json, this.#at);
    if (this.#isHarmless(start, isKey)) {
      if (isKey) this.#secret = false;
      return;
    }
    const value = decode(this.#json.slice(start, this.#at));
    const whole = this.#secret && !isKey && value !== "";
    const result = whole ? MASK : maskText(value, this.#nested);
    if (result !== value) this.#put(start, result);
    if (isKey) this.#secret = isSecretKey(value);
  }

  /** A short string that neither is nor names a secret: most are, and a line may hold millions of them. */
  #isHarmless(start: number, isKey: boolean): boolean {
    if (this.#at - start - 2 >= MIN_TEXT_CHARS) return false;
    return isKey ? endsHarmless(this.#json[this.#at - 2] ?? "") : !this.#secret;
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
  return mayHoldSecret(text) ? maskTokens(applyRules(text)) : text;
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
