/** Calls under one key each, in the order in which they came: joined by their own links, so that any is taken out at once. */
import type { Call, Neighbours } from "./call.ts";

interface Ends {
  first: Call;
  last: Call;
}

export class CallList<Key> {
  readonly #ends = new Map<Key, Ends>();
  readonly #linksOf: (call: Call) => Neighbours;

  constructor(linksOf: (call: Call) => Neighbours) {
    this.#linksOf = linksOf;
  }

  first(key: Key): Call | undefined {
    return this.#ends.get(key)?.first;
  }

  after(call: Call): Call | undefined {
    return this.#linksOf(call).after;
  }

  add(key: Key, call: Call): void {
    const ends = this.#ends.get(key);
    if (ends === undefined) {
      this.#ends.set(key, { first: call, last: call });
      return;
    }
    this.#linksOf(call).before = ends.last;
    this.#linksOf(ends.last).after = call;
    ends.last = call;
  }

  remove(key: Key, call: Call): void {
    const links = this.#linksOf(call);
    const { before, after } = links;
    links.before = undefined;
    links.after = undefined;
    if (before !== undefined) this.#linksOf(before).after = after;
    if (after !== undefined) this.#linksOf(after).before = before;
    if (before !== undefined && after !== undefined) return;
    const ends = this.#ends.get(key);
    if (ends === undefined) return;
    if (before === undefined && after === undefined) this.#ends.delete(key);
    else if (before === undefined && after !== undefined) ends.first = after;
    else if (before !== undefined) ends.last = before;
  }

  /** The first of each key, the key that was added first before the others. */
  firsts(): Iterable<Ends> {
    return this.#ends.values();
  }
}
