/** Parts in; a small ELF file that holds them out, laid out as asked. */
import type { ReadAt } from "../../../src/libraries/types.ts";

export interface Part {
  readonly name: string;
  /** Byte of the file; the address is `BASE` more. */
  readonly at: number;
  readonly bytes: Buffer;
  /** sh_type. Default 1, PROGBITS. */
  readonly type?: number;
  /** How it is mapped; undefined: not at all. */
  readonly mapped?: "r" | "rx" | "rw";
  /** Index of the section with a symbol table's names, the first being 1. */
  readonly link?: number;
}

export const BASE = 0x200000;
const FLAGS = { r: 4, rx: 5, rw: 6 } as const;
const PT_NOTE = 4;

/** `type`: 2 is a program, 3 one that may lie anywhere or a shared object. */
export function makeElf(
  parts: readonly Part[],
  { machine = 62, type = 2 }: { readonly machine?: number; readonly type?: number } = {},
): Buffer {
  const names = ["", ".shstrtab", ...parts.map(({ name }) => name)];
  const nameTable = Buffer.from(`${names.join("\0")}\0`, "latin1");
  const end = parts.reduce((last, { at, bytes }) => Math.max(last, at + bytes.length), 64);
  const sectionCount = parts.length + 2;
  const headers = Math.ceil((end + nameTable.length) / 8) * 8;
  const file = Buffer.alloc(headers + sectionCount * 64);
  const mapped = parts.filter((part) => part.mapped !== undefined);
  file.write("\x7fELF\x02\x01\x01", "latin1");
  file.writeUInt16LE(type, 16);
  file.writeUInt16LE(machine, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeBigUInt64LE(BigInt(headers), 40);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(mapped.length, 56);
  file.writeUInt16LE(64, 58);
  file.writeUInt16LE(sectionCount, 60);
  file.writeUInt16LE(sectionCount - 1, 62);
  for (const [i, part] of mapped.entries()) writeSegment(file, 64 + i * 56, part);
  for (const [i, part] of parts.entries()) {
    part.bytes.copy(file, part.at);
    writeSection(file, headers + (i + 1) * 64, part, nameOffset(names, i + 2));
  }
  nameTable.copy(file, end);
  const strings = { name: "", at: end, bytes: nameTable, type: 3 };
  writeSection(file, headers + (sectionCount - 1) * 64, strings, nameOffset(names, 1));
  return file;
}

function nameOffset(names: readonly string[], index: number): number {
  return names.slice(0, index).reduce((sum, name) => sum + name.length + 1, 0);
}

function writeSegment(file: Buffer, at: number, part: Part): void {
  file.writeUInt32LE(part.type === 7 ? PT_NOTE : 1, at);
  file.writeUInt32LE(FLAGS[part.mapped ?? "r"], at + 4);
  file.writeBigUInt64LE(BigInt(part.at), at + 8);
  file.writeBigUInt64LE(BigInt(part.at + BASE), at + 16);
  file.writeBigUInt64LE(BigInt(part.bytes.length), at + 32);
  file.writeBigUInt64LE(4n, at + 48);
}

function writeSection(file: Buffer, at: number, part: Part, name: number): void {
  file.writeUInt32LE(name, at);
  file.writeUInt32LE(part.type ?? 1, at + 4);
  file.writeBigUInt64LE(BigInt(part.at + BASE), at + 16);
  file.writeBigUInt64LE(BigInt(part.at), at + 24);
  file.writeBigUInt64LE(BigInt(part.bytes.length), at + 32);
  file.writeUInt32LE(part.link ?? 0, at + 40);
}

export interface SymbolOf {
  readonly name: string;
  /** Byte of the file at which it begins; 0: it is another file's. */
  readonly at: number;
  /** STT_FUNC where not given. */
  readonly kind?: number;
  readonly local?: boolean;
}

/** A symbol table and its names, as two parts: from `at` on, and from 2048 bytes further on; the names are section `names`. */
export function makeSymbols(
  symbols: readonly SymbolOf[],
  { at, names, type }: { readonly at: number; readonly names: number; readonly type: 2 | 11 },
): Part[] {
  const table = Buffer.alloc((symbols.length + 1) * 24);
  let strings = "\0";
  for (const [i, symbol] of symbols.entries()) {
    const entry = (i + 1) * 24;
    table.writeUInt32LE(strings.length, entry);
    strings += `${symbol.name}\0`;
    table[entry + 4] = ((symbol.local ? 0 : 1) << 4) | (symbol.kind ?? 2);
    table.writeUInt16LE(symbol.at === 0 ? 0 : 1, entry + 6);
    table.writeBigUInt64LE(symbol.at === 0 ? 0n : BigInt(symbol.at + BASE), entry + 8);
  }
  const isDynamic = type === 11;
  return [
    { name: isDynamic ? ".dynsym" : ".symtab", at, bytes: table, type, link: names },
    {
      name: isDynamic ? ".dynstr" : ".strtab",
      at: at + 2048,
      bytes: Buffer.from(strings, "latin1"),
      type: 3,
    },
  ];
}

/** Reads as `readSync` does, a few bytes at once where `most` is given. */
export function readerOf(bytes: Buffer, most = Number.POSITIVE_INFINITY): ReadAt {
  return (into, position) =>
    position < bytes.length
      ? bytes.copy(into, 0, position, Math.min(position + most, bytes.length))
      : 0;
}
