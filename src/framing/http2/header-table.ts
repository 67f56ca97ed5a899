/** Header blocks of one direction in, in their order; their fields out, as far as the header table is known. */
import { type Decoder, decoder, type Table, table } from "hpack.js";
import type { HeldBytes } from "../partial-line.ts";
import { isKeptField } from "./head.ts";

/** What a table has until a block says otherwise. Source: RFC 9113, 6.5.2. */
const FIRST_SIZE = 4 * 1024;
/** Of what is in a larger one only the newest is kept; the rest is then not known. */
const MAX_SIZE = 64 * 1024;
/** Of a longer list, as RFC 9113, 10.5.1 counts it, the rest is passed over: an entry may be repeated by a byte. */
const MAX_LIST = 128 * 1024;
/** What an entry counts beside its name and value. Source: RFC 7541, 4.1. */
const ENTRY_SIZE = 32;
/** A longer name is none of these. */
const MAX_NAME = 64;

/** How a block was read: "whole"; "partly", some fields are not known or too many; "bad", it is malformed. */
export type BlockReading = "whole" | "partly" | "bad";

export type FieldTaker = (name: string, value: string) => void;

/**
 * The library decodes; what is here is the order of a block's parts, since no decoder goes on where it does not know the
 * table. A table that is not known from its start (joined late, bytes were missing) begins empty: places in it are counted
 * from its newest entry, so that each that was added since is found, and of the others it is certain that they are unknown.
 * What SETTINGS say of its size need not be known, since a block says so itself before it makes use of it (RFC 7541, 4.2);
 * and where ours is the larger one it holds entries that are gone, which nobody will ask for.
 * Names and values that nobody asks for, and all credentials, are passed over and never kept.
 * Source: RFC 7541, 6.
 */
export class HeaderTable {
  readonly #held: HeldBytes;
  #decoder: Decoder = decoder.create();
  #table: Table;
  #listSize = 0;
  #isPartly = false;

  constructor(held: HeldBytes) {
    this.#held = held;
    this.#table = table.create({ maxSize: MAX_SIZE });
  }

  get heldBytes(): number {
    return this.#table.size;
  }

  /** No block was sent before. */
  begin(): void {
    this.#resize(FIRST_SIZE);
  }

  /** Blocks may have been missed: what it holds now has other places. */
  forget(): void {
    this.#held.total -= this.#table.size;
    this.#table = table.create({ maxSize: MAX_SIZE });
  }

  /** `take` gets each field that is kept. Behind a bad block the table is unknown. */
  read(block: Buffer, take: FieldTaker): BlockReading {
    const before = this.#table.size;
    this.#listSize = 0;
    this.#isPartly = false;
    try {
      this.#decoder.push(block);
      while (!this.#decoder.isEmpty()) this.#readPart(take);
      this.#held.total += this.#table.size - before;
      return this.#isPartly ? "partly" : "whole";
    } catch {
      this.#held.total += this.#table.size - before;
      this.#decoder = decoder.create();
      this.forget();
      return "bad";
    }
  }

  /** The first bit that is 1 tells what the part is. */
  #readPart(take: FieldTaker): void {
    const code = this.#decoder;
    const isIndexed = code.decodeBit() === 1;
    if (isIndexed) {
      this.#readIndexed(take);
      return;
    }
    const isAdded = code.decodeBit() === 1;
    if (isAdded) {
      this.#readLiteral(take, true);
      return;
    }
    const isResize = code.decodeBit() === 1;
    if (isResize) {
      this.#resize(code.decodeInt());
      return;
    }
    // whether it must never be indexed
    code.decodeBit();
    this.#readLiteral(take, false);
  }

  #resize(size: number): void {
    this.#table.updateSize(Math.min(size, MAX_SIZE));
  }

  #readIndexed(take: FieldTaker): void {
    const entry = this.#lookUp(this.#decoder.decodeInt());
    if (entry === undefined) this.#isPartly = true;
    else if (isKeptField(entry.name)) this.#give(entry.name, entry.value, take);
  }

  #readLiteral(take: FieldTaker, isAdded: boolean): void {
    const code = this.#decoder;
    const index = code.decodeInt();
    let name = "";
    let nameSize = 0;
    if (index === 0) {
      const sent = code.decodeStr();
      nameSize = sent.length;
      name = keptName(sent);
    } else {
      const entry = this.#lookUp(index);
      if (entry === undefined) this.#isPartly = true;
      nameSize = entry?.nameSize ?? 0;
      name = entry === undefined || !isKeptField(entry.name) ? "" : entry.name;
    }
    const sent = code.decodeStr();
    const value = name === "" ? "" : textOf(sent);
    if (isAdded) this.#table.add(name, value, nameSize, sent.length);
    if (name !== "") this.#give(name, value, take);
  }

  /** undefined: what stands there was added before the table was known. */
  #lookUp(index: number) {
    if (index <= this.#table.length) return this.#table.lookup(index);
    return undefined;
  }

  #give(name: string, value: string, take: FieldTaker): void {
    this.#listSize += name.length + value.length + ENTRY_SIZE;
    if (this.#listSize > MAX_LIST) this.#isPartly = true;
    else take(name, value);
  }
}

/** "": nothing is made of fields of this name. */
function keptName(sent: Uint8Array | number[]): string {
  const name = sent.length <= MAX_NAME ? textOf(sent) : "";
  return isKeptField(name) ? name : "";
}

/** Each byte is a character, as in heads of HTTP/1. */
function textOf(sent: Uint8Array | number[]): string {
  return Buffer.from(sent).toString("latin1");
}
