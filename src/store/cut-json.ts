/** A parsed JSON value in, JSON text of no more than so many bytes out: valid, with its tail and its long texts cut. */

/** Values that say more than they take: kept before longer ones are. */
const SMALL_CHARS = 64;
/** Of an object with more members, the rest counts as long. */
const MAX_LOOKED_AT = 1000;
const ELLIPSIS = "…";
const ELLIPSIS_BYTES = 3;
/** Two quotes or brackets. */
const PAIR_BYTES = 2;
/** A text that has less room than this says nothing. */
const MIN_TEXT_BYTES = 16;

/**
 * As JSON.stringify, in at most `maxBytes` of UTF-8 (at least 2). Short members of an object stay, whatever stands before
 * them: `isError` behind a text of megabytes. Time and memory are bounded by `maxBytes`, but for the look at an object's
 * keys. `value` comes from JSON: no circles, and no deeper than a parser let it be.
 */
export function cutJson(value: unknown, maxBytes: number): string {
  return new Cutter(maxBytes).write(value) ?? "{}";
}

class Cutter {
  #left: number;

  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  /** undefined: there is no room for it. */
  write(value: unknown): string | undefined {
    if (typeof value === "string") return this.#text(value);
    if (typeof value !== "object" || value === null) return this.#take(scalar(value));
    if (this.#left < PAIR_BYTES) return undefined;
    this.#left -= PAIR_BYTES;
    return Array.isArray(value) ? this.#array(value) : this.#object(value);
  }

  #array(items: readonly unknown[]): string {
    let json = "[";
    for (const item of items) {
      const comma = json === "[" ? 0 : 1;
      if (this.#left <= comma) break;
      this.#left -= comma;
      const text = this.write(item);
      if (text === undefined) break;
      json += comma === 0 ? text : `,${text}`;
    }
    return `${json}]`;
  }

  #object(members: object): string {
    const keys = Object.keys(members);
    const small = this.#reserve(members, keys);
    let json = "{";
    for (const key of keys) {
      const kept = small.get(key);
      // what is looked at costs time although it is not written
      if (kept === undefined && this.#left < MIN_TEXT_BYTES) {
        if (small.size === 0) break;
        continue;
      }
      small.delete(key);
      const member = kept ?? this.#member(key, Reflect.get(members, key));
      if (member !== undefined) json += json === "{" ? member : `,${member}`;
    }
    return `${json}}`;
  }

  /** Short members that take no more than half of the room, as text; room is taken for them, and a comma each. */
  #reserve(members: object, keys: readonly string[]): Map<string, string> {
    const small = new Map<string, string>();
    let bytes = 0;
    for (const key of keys.slice(0, MAX_LOOKED_AT)) {
      const member = smallMember(key, Reflect.get(members, key));
      if (member === undefined) continue;
      const size = bytesOf(member) + 1;
      if (bytes + size > this.#left / 2) break;
      bytes += size;
      small.set(key, member);
    }
    this.#left -= bytes;
    return small;
  }

  #member(key: string, value: unknown): string | undefined {
    if (key.length > this.#left) return undefined;
    const name = JSON.stringify(key.toWellFormed());
    const cost = bytesOf(name) + 2;
    if (cost + PAIR_BYTES > this.#left) return undefined;
    this.#left -= cost;
    const text = this.write(value);
    if (text === undefined) this.#left += cost;
    return text === undefined ? undefined : `${name}:${text}`;
  }

  #text(text: string): string | undefined {
    if (text.length <= this.#left) {
      const whole = JSON.stringify(text.toWellFormed());
      const bytes = bytesOf(whole);
      if (bytes <= this.#left) {
        this.#left -= bytes;
        return whole;
      }
    }
    const room = this.#left - PAIR_BYTES - ELLIPSIS_BYTES;
    if (room < MIN_TEXT_BYTES) return undefined;
    let chars = Math.min(text.length, room);
    for (;;) {
      const cut = JSON.stringify(text.slice(0, chars).toWellFormed() + ELLIPSIS);
      const over = bytesOf(cut) - this.#left;
      if (over <= 0) {
        this.#left -= bytesOf(cut);
        return cut;
      }
      // a character takes six bytes at most ("\u0000")
      chars -= Math.max(1, Math.ceil(over / 6));
    }
  }

  #take(text: string): string | undefined {
    if (text.length > this.#left) return undefined;
    this.#left -= text.length;
    return text;
  }
}

function smallMember(key: string, value: unknown): string | undefined {
  if (key.length > SMALL_CHARS || (typeof value === "object" && value !== null)) return undefined;
  if (typeof value === "string") {
    if (value.length > SMALL_CHARS) return undefined;
    return `${JSON.stringify(key.toWellFormed())}:${JSON.stringify(value.toWellFormed())}`;
  }
  return `${JSON.stringify(key.toWellFormed())}:${scalar(value)}`;
}

/** A number, boolean or null; whatever else JSON cannot hold. */
function scalar(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
