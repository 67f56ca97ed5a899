/**
 * A program in; the places in its code at which BoringSSL raises an error in one of its source files out.
 * Each raises it by `ERR_put_error(library, 0, reason, file, line)`, whose constants no stripping takes away. Where all
 * of a program is optimised as one, the 0 may have been left out, and each argument after it is one earlier.
 */
import type { Elf, Segment } from "../elf.ts";
import type { FileView } from "../file-view.ts";
import { arm64Constants, findArm64Loads } from "./arm64-loads.ts";
import type { Constants, Load } from "./types.ts";

export interface ErrorSite {
  /** Byte of the file at which the name of the source file is loaded. */
  readonly at: number;
  readonly reason: number;
  readonly line: number;
}

/** A source file has a hundred or so. */
export const MAX_LOADS = 512;

/** Bytes of a file, `to` not among them. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

const EVERYWHERE: readonly Range[] = [{ from: 0, to: Number.MAX_SAFE_INTEGER }];

/** `name`: the address of the source file's name. In order of their places; only those that lie whole in one of `ranges`. */
export function findErrorSites(
  file: FileView,
  elf: Elf,
  name: number,
  ranges = EVERYWHERE,
): ErrorSite[] {
  const sites = new Map<number, ErrorSite>();
  const isX64 = elf.machine === "x64";
  for (const code of codeIn(elf, ranges)) {
    const loads = isX64
      ? findX64Loads(file, code, name)
      : findArm64Loads(file, code, name, MAX_LOADS);
    for (const load of loads) {
      const { reason, line } = isX64 ? x64Constants(file, load) : arm64Constants(file, load);
      if (reason === undefined || line === undefined) continue;
      sites.set(load.at, { at: load.at, reason, line });
    }
  }
  return [...sites.values()].sort((a, b) => a.at - b.at);
}

/** Those parts of the segments with code that lie in one of `ranges`. */
function codeIn(elf: Elf, ranges: readonly Range[]): Segment[] {
  return elf.segments
    .filter(({ executable }) => executable)
    .flatMap((segment) =>
      ranges.flatMap(({ from, to }) => {
        const at = Math.max(from, segment.at);
        const bytes = Math.min(to, segment.at + segment.bytes) - at;
        return bytes > 0
          ? [{ ...segment, at, address: segment.address + at - segment.at, bytes }]
          : [];
      }),
    );
}

const MOV_ECX = 0xb9;
const MOV_EDX = 0xba;
const REX_B = 0x41;
/** lea rcx, [rip + n]; lea rdx, [rip + n]. */
const LEAS: readonly (readonly [Buffer, Load["argument"]])[] = [
  [Buffer.from([0x48, 0x8d, 0x0d]), "fourth"],
  [Buffer.from([0x48, 0x8d, 0x15]), "third"],
];
const LEA_BYTES = 7;

function findX64Loads(file: FileView, segment: Segment, name: number): Load[] {
  const loads: Load[] = [];
  const constant = Buffer.alloc(4);
  const isSmall = name < 2 ** 32;
  if (isSmall) constant.writeUInt32LE(name);
  let seen = -1;
  const add = (at: number, argument: Load["argument"]) => {
    // what lies in two windows is found twice
    if (at > seen && loads.length < MAX_LOADS) loads.push({ at, argument });
  };
  file.scan(segment.at, segment.at + segment.bytes, LEA_BYTES, (window, at) => {
    if (isSmall) addMoves(window, at, constant, add);
    addLeas(window, at + segment.address - segment.at, name, (offset, argument) =>
      add(at + offset, argument),
    );
    seen = loads.reduce((last, load) => Math.max(last, load.at), seen);
    return loads.length >= MAX_LOADS;
  });
  return loads;
}

/** mov ecx, constant; mov edx, constant. */
function addMoves(
  window: Buffer,
  at: number,
  constant: Buffer,
  add: (at: number, argument: Load["argument"]) => void,
): void {
  for (let i = window.indexOf(constant, 1); i > 0; i = window.indexOf(constant, i + 1)) {
    const opcode = window[i - 1];
    // with REX.B it is another register
    if (i > 1 && window[i - 2] === REX_B) continue;
    if (opcode === MOV_ECX) add(at + i - 1, "fourth");
    if (opcode === MOV_EDX) add(at + i - 1, "third");
  }
}

function addLeas(
  window: Buffer,
  address: number,
  name: number,
  add: (offset: number, argument: Load["argument"]) => void,
): void {
  for (const [lea, argument] of LEAS) {
    for (let i = window.indexOf(lea); i >= 0; i = window.indexOf(lea, i + 1)) {
      if (i + LEA_BYTES > window.length) break;
      if (address + i + LEA_BYTES + window.readInt32LE(i + 3) === name) add(i, argument);
    }
  }
}

/** How far from the load the other constants are loaded. */
const NEAR = 40;
/** Of reasons and lines. */
const MAX_CONSTANT = 0x4000;
const MOV_ESI = Buffer.from([0xbe]);
const MOV_EDX_ = Buffer.from([MOV_EDX]);
const MOV_ECX_ = Buffer.from([MOV_ECX]);
const MOV_R8D = Buffer.from([REX_B, 0xb8]);

function x64Constants(file: FileView, { at, argument }: Load): Constants {
  const from = Math.max(0, at - NEAR);
  const code = file.bytes(from, at - from + NEAR);
  const [reason, line] = argument === "fourth" ? [MOV_EDX_, MOV_R8D] : [MOV_ESI, MOV_ECX_];
  return { reason: nearest(code, at - from, reason), line: nearest(code, at - from, line) };
}

/** The small constant that the nearest `opcode` to `centre` loads. */
function nearest(code: Buffer, centre: number, opcode: Buffer): number | undefined {
  let best: number | undefined;
  let distance = Number.POSITIVE_INFINITY;
  for (let i = code.indexOf(opcode); i >= 0; i = code.indexOf(opcode, i + 1)) {
    const at = i + opcode.length;
    if (at + 4 > code.length) break;
    const value = code.readUInt32LE(at);
    if (value === 0 || value >= MAX_CONSTANT || Math.abs(i - centre) >= distance) continue;
    best = value;
    distance = Math.abs(i - centre);
  }
  return best;
}
