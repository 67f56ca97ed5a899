/** A place in code in; where the function that it is in begins, and what it calls, out. */
import type { Machine } from "../elf.ts";
import type { FileView } from "../file-view.ts";

/** How far before a place the start is looked for: the errors that are asked for are raised early in their functions. */
const MAX_BYTES = 256;
/** push rbp; mov rbp, rsp. */
const X64_START = Buffer.from([0x55, 0x48, 0x89, 0xe5]);
const X64_ALIGNMENT = 16;

/** undefined: nothing near before `at` looks like a start. */
export function functionStart(file: FileView, machine: Machine, at: number): number | undefined {
  return machine === "x64" ? x64Start(file, at) : arm64Start(file, at);
}

/** Functions begin at multiples of 16 bytes of the file too, as segments are mapped by whole pages. */
function x64Start(file: FileView, at: number): number | undefined {
  const from = Math.max(0, at - MAX_BYTES);
  const code = file.bytes(from, at - from);
  const last = Math.floor(at / X64_ALIGNMENT) * X64_ALIGNMENT;
  for (let start = last; start >= from; start -= X64_ALIGNMENT) {
    if (code.subarray(start - from, start - from + X64_START.length).equals(X64_START))
      return start;
  }
  return undefined;
}

/** The frame is made by one or more of these; the first of them, back to back, is the start. */
function arm64Start(file: FileView, at: number): number | undefined {
  const from = Math.max(0, at - MAX_BYTES);
  const code = file.bytes(from, at - from + 4);
  let start = at - from;
  while (start >= 0 && !growsStack(word(code, start))) start -= 4;
  if (start < 0) return undefined;
  while (start >= 4 && isPrologue(word(code, start - 4))) start -= 4;
  // what is run into from above is no start
  return start >= 4 && !goesOn(word(code, start - 4)) ? from + start : undefined;
}

function word(code: Buffer, at: number): number {
  return at + 4 <= code.length && at >= 0 ? code.readUInt32LE(at) : 0;
}

/** sub sp, sp, #n; stp x, y, [sp, #-n]!; str x, [sp, #-n]!; stp d, e, [sp, #-n]!. Source: Arm ARM, C6.2 and C7.2. */
function growsStack(one: number): boolean {
  return (
    (one & 0xff8003ff) >>> 0 === 0xd10003ff ||
    (one & 0xffe003e0) >>> 0 === 0xa9a003e0 ||
    (one & 0xffe003e0) >>> 0 === 0x6da003e0 ||
    (one & 0xfff00fe0) >>> 0 === 0xf8100fe0
  );
}

/** Those, and stp to the stack, paciasp, bti c. */
function isPrologue(one: number): boolean {
  const savesPair =
    (one & 0xffc003e0) >>> 0 === 0xa90003e0 || (one & 0xffc003e0) >>> 0 === 0x6d0003e0;
  return growsStack(one) || savesPair || one === 0xd503233f || one === 0xd503245f;
}

/** Not b, bl (of what never returns), br, ret, brk, udf, nop. */
function goesOn(one: number): boolean {
  const isBranch = (one & 0x7c000000) >>> 0 === 0x14000000;
  const isRegisterBranch = (one & 0xff9ffc1f) >>> 0 === 0xd61f0000;
  const isTrap = (one & 0xffe0001f) >>> 0 === 0xd4200000 || (one & 0xffff0000) === 0;
  return !(isBranch || isRegisterBranch || isTrap || one === 0xd503201f);
}

/** Bytes of the file at which what the code in `[from, to)` calls begins; calls by pointer are left out. */
export function callsIn(file: FileView, machine: Machine, from: number, to: number): number[] {
  const code = file.bytes(from, to - from);
  const targets: number[] = [];
  if (machine === "x64") {
    for (
      let i = code.indexOf(0xe8);
      i >= 0 && i + 5 <= code.length;
      i = code.indexOf(0xe8, i + 1)
    ) {
      targets.push(from + i + 5 + code.readInt32LE(i + 1));
    }
    return targets;
  }
  for (let i = 0; i + 4 <= code.length; i += 4) {
    const one = code.readInt32LE(i);
    // bl: 26 bits, signed, of words
    if ((one & 0xfc000000) >>> 0 === 0x94000000) targets.push(from + i + ((one << 6) >> 4));
  }
  return targets;
}
