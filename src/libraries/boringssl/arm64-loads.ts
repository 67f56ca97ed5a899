/** arm64 code and an address in; where the address is loaded as an argument, and which constants are loaded beside it, out. */
import type { Segment } from "../elf.ts";
import type { FileView } from "../file-view.ts";
import type { Constants, Load } from "./types.ts";

const PAGE = 4096;
/** Instructions between the load of an address' page and the addition of the rest. */
const REACH = 8;
const ADRP_MASK = 0x9f000000 | 0;
const ADRP = 0x90000000 | 0;
/** add xd, xn, #n */
const ADD = 0x91000000;

/** An address is loaded in two: adrp gives its page, an add the rest. Source: Arm ARM, C6.2. */
export function findArm64Loads(
  file: FileView,
  segment: Segment,
  address: number,
  limit: number,
): Load[] {
  const loads: Load[] = [];
  const page = Math.floor(address / PAGE);
  const rest = address % PAGE;
  file.scan(segment.at, segment.at + segment.bytes, REACH * 4, (window, at) => {
    const words = wordsOf(window);
    const firstPage = (at - segment.at + segment.address) / PAGE;
    const end = words.length - REACH;
    for (let i = 0; i < end; i++) {
      const word = words[i] ?? 0;
      if ((word & ADRP_MASK) !== ADRP) continue;
      if (Math.floor(firstPage + i / 1024) + pagesOf(word) !== page) continue;
      const argument = argumentOf(words, i, rest);
      if (argument !== undefined) loads.push({ at: at + i * 4, argument });
    }
    return loads.length >= limit;
  });
  return loads;
}

/** Of instructions; the window is aligned, as its memory is. */
function wordsOf(window: Buffer): Int32Array {
  return new Int32Array(window.buffer, window.byteOffset, window.length >> 2);
}

/** 21 bits, signed: the lower two stand apart. */
function pagesOf(word: number): number {
  return (((word << 8) >> 13) << 2) | ((word >>> 29) & 3);
}

function argumentOf(words: Int32Array, at: number, rest: number): Load["argument"] | undefined {
  const register = (words[at] ?? 0) & 31;
  for (let i = at + 1; i < at + REACH; i++) {
    const word = (words[i] ?? 0) >>> 0;
    const isAdd = (word & 0xffc00000) >>> 0 === ADD && ((word >> 5) & 31) === register;
    if (!isAdd || ((word >> 10) & 0xfff) !== rest) continue;
    const to = word & 31;
    return to === 3 ? "fourth" : to === 2 ? "third" : undefined;
  }
  return undefined;
}

/** Instructions around a load among which the constants are. */
const NEAR = 12;

/** What registers hold when the call comes that the load is for, and, of those not set between, before the load. */
export function arm64Constants(file: FileView, { at, argument }: Load): Constants {
  const from = Math.max(0, at - NEAR * 4);
  const code = file.bytes(from, at - from + NEAR * 4);
  const held = new Map<number, number>();
  for (let i = 0; i + 4 <= code.length; i += 4) {
    const word = code.readUInt32LE(i);
    const isBefore = from + i < at;
    if (isLeave(word)) {
      if (!isBefore) break;
      held.clear();
    }
    // movz wd, #n
    if ((word & 0xffe00000) >>> 0 === 0x52800000) held.set(word & 31, (word >> 5) & 0xffff);
  }
  const reason = argument === "fourth" ? 2 : 1;
  return { reason: held.get(reason), line: held.get(reason + 2) };
}

/** b, bl and ret: what comes after belongs to something else. */
function isLeave(word: number): boolean {
  return (word & 0x7c000000) >>> 0 === 0x14000000 || word === 0xd65f03c0;
}
