/** Go's functions by their distances in; the address from which these are measured out, shown by the code there. */
import { addressOf, type Elf, fileOffset, sectionNamed } from "../elf.ts";
import type { FileView } from "../file-view.ts";
import type { GoFunction, Pclntab } from "./pclntab.ts";
import { conventionOf } from "./returns.ts";

/** Of `text` in moduledata: pcHeader, six slices, findfunctab, minpc, maxpc. Source: runtime, symtab.go. */
const TEXT_IN_MODULE = 176;
/** How far into the section C's own code may come before Go's. */
const MAX_BEFORE = 1024 * 1024;
/** Of the functions looked at, those that must begin as Go's do; the rest are small ones that look at no stack. */
const SHARE = 0.4;
const START = 16;
const ALIGNMENT = 16;
/** More functions than there are in so much code. */
const MAX_TRIES = 8192;

export interface TextQuery {
  readonly file: FileView;
  readonly elf: Elf;
  readonly table: Pclntab;
  /** These must begin as Go's functions do. */
  readonly wanted: readonly GoFunction[];
  /** Byte of the file at which symbols say that `read` begins. */
  readonly symbol: number | undefined;
  readonly read: GoFunction | undefined;
}

/** undefined: none fits, or more than one. */
export function findText(query: TextQuery): number | undefined {
  const { file, elf, table, symbol, read } = query;
  if (table.textAddress === undefined) return fits(query, 0) ? 0 : undefined;
  const told = new Set<number>();
  const symbolAddress = symbol === undefined ? undefined : addressOf(elf, symbol);
  if (symbolAddress !== undefined && read !== undefined) told.add(symbolAddress - read.from);
  told.add(table.textAddress);
  const module = sectionNamed(elf, ".go.module");
  if (module !== undefined) told.add(file.u64(module.at + TEXT_IN_MODULE));
  const text = sectionNamed(elf, ".text");
  if (text !== undefined) told.add(text.address);
  for (const address of told) if (address > 0 && fits(query, address)) return address;
  return text === undefined ? undefined : search(query, text.address);
}

function isStart({ file, elf, table }: TextQuery, address: number): boolean {
  const at = fileOffset(elf, address);
  if (at === undefined) return false;
  return conventionOf(elf.machine, file.bytes(at, START), table.since) !== undefined;
}

function fits(query: TextQuery, address: number): boolean {
  if (!query.wanted.every(({ from }) => isStart(query, address + from))) return false;
  const { sample } = query.table;
  const starts = sample.filter((from) => isStart(query, address + from)).length;
  return starts >= sample.length * SHARE;
}

/** Where C's code comes first and nothing says how much of it: the only distance at which the starts are starts. */
function search(query: TextQuery, textAddress: number): number | undefined {
  const { file, elf, table, read } = query;
  if (read === undefined) return undefined;
  const at = fileOffset(elf, textAddress + read.from);
  if (at === undefined) return undefined;
  const code = file.bytes(at, MAX_BEFORE);
  const found: number[] = [];
  let tries = 0;
  for (let shift = 0; shift + START <= code.length && found.length < 2; shift += ALIGNMENT) {
    const start = code.subarray(shift, shift + START);
    if (conventionOf(elf.machine, start, table.since) === undefined) continue;
    if (tries++ > MAX_TRIES) return undefined;
    if (fits(query, textAddress + shift)) found.push(textAddress + shift);
  }
  return found.length === 1 ? found[0] : undefined;
}
