/** Fields of a record as JavaScript values. */
import { COMM_LEN } from "./layout.ts";

const TWO_32 = 4294967296;

/** u64 as a number: exact below 2^53; beyond that (boot clock after 104 days) to 2 ns. */
export function u64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * TWO_32 + view.getUint32(offset, true);
}

/** Output tells µs: a time that is finer than that would make a replay's durations differ. */
export function wholeMicros(ns: number): number {
  return ns - (ns % 1000);
}

const LOW_21 = 0x1fffff;
/** The bits above: the same for all kernel memory (0xffff8… or, with five-level page tables, 0xff11…). */
let top = 0x7ff;

/** The low 53 bits of a kernel address: exact as a number, and unique among kernel addresses. */
export function address(view: DataView, offset: number): number {
  const high = view.getUint32(offset + 4, true);
  if (high !== 0) top = high >>> 21;
  return (high & LOW_21) * TWO_32 + view.getUint32(offset, true);
}

/** The whole address again, as a map's key needs it. */
export function wholeAddress(low: number): bigint {
  return BigInt(low) | (BigInt(top) << 53n);
}

/** Text up to the first NUL. A comm is bytes that its process chose: undecodable ones become U+FFFD. */
export function cString(view: DataView, offset: number, most: number): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset + offset, most);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? most : end);
}

/** Process names repeat in every record: decode each process's once, while it does not change. */
export class CommCache {
  readonly #names = new Map<number, { a: number; b: number; c: number; d: number; name: string }>();

  read(view: DataView, offset: number, pid: number): string {
    const a = view.getUint32(offset, true);
    const b = view.getUint32(offset + 4, true);
    const c = view.getUint32(offset + 8, true);
    const d = view.getUint32(offset + 12, true);
    const known = this.#names.get(pid);
    if (known && known.a === a && known.b === b && known.c === c && known.d === d) {
      return known.name;
    }
    if (this.#names.size > 4096) this.#names.clear();
    const name = cString(view, offset, COMM_LEN);
    this.#names.set(pid, { a, b, c, d, name });
    return name;
  }
}
