/** Go's own table of functions, which stripping leaves, in; where functions of given names begin and end out. */
import type { Elf } from "../elf.ts";
import type { FileView } from "../file-view.ts";

/** A function's code, in bytes after the start of Go's text; of Go 1.16 and 1.17 in addresses. */
export interface GoFunction {
  readonly from: number;
  readonly to: number;
}

export interface Pclntab {
  /** Which of the table's formats it is: from Go 1.16, 1.18 or 1.20 on. */
  readonly since: 16 | 18 | 20;
  /** Address of Go's text, as the table gives it. undefined: its places are addresses. 0: it does not tell. */
  readonly textAddress: number | undefined;
  readonly functions: ReadonlyMap<string, GoFunction>;
  /** Some other functions' starts, spread over the text. */
  readonly sample: readonly number[];
}

/** Source: internal/abi, symtab.go. Of Go 1.2 to 1.15 the magic is fffffffb. */
const MAGICS: ReadonlyMap<number, Pclntab["since"]> = new Map([
  [0xfffffffa, 16],
  [0xfffffff0, 18],
  [0xfffffff1, 20],
]);
const HEADER = 8;
/** Largest programs have some hundred thousands. */
const MAX_FUNCTIONS = 4_000_000;
const SAMPLE = 64;
/** Headers of one format that are tried. */
const MAX_TABLES = 4;
/** Entries read at once. */
const BATCH = 64 * 1024;

/** Table at `at`, of `bytes` bytes. undefined: it is none that is known. Source: runtime, symtab.go, pcHeader. */
export function readPclntab(
  file: FileView,
  at: number,
  bytes: number,
  names: readonly string[],
): Pclntab | undefined {
  const since = MAGICS.get(file.u32(at));
  if (since === undefined || file.u8(at + 7) !== 8) return undefined;
  const word = (index: number) => file.u64(at + HEADER + index * 8);
  const count = word(0);
  // Go 1.18 put the start of the text before the places of the tables
  const first = since === 16 ? 2 : 3;
  const namesAt = word(first);
  const namesEnd = word(first + 1);
  const tableAt = word(first + 4);
  const isSound = namesAt < namesEnd && namesEnd <= bytes && tableAt < bytes;
  if (!isSound || count < 1 || count > MAX_FUNCTIONS) return undefined;
  const wanted = findNames(file, at + namesAt, at + namesEnd, names);
  const table = { at: at + tableAt, count, wide: since === 16, end: at + bytes };
  const functions = new Map<string, GoFunction>();
  const sample = readFunctions(file, table, wanted, functions);
  return { since, textAddress: since === 16 ? undefined : word(2), functions, sample };
}

/** Places of headers, and bytes to their segments' ends, where C's linker has put the table among other read-only data. */
export function findPclntabs(
  file: FileView,
  elf: Elf,
): { readonly at: number; readonly bytes: number }[] {
  const magics = [...MAGICS.keys()].map((magic) => {
    const header = Buffer.alloc(HEADER);
    header.writeUInt32LE(magic);
    header[6] = elf.machine === "x64" ? 1 : 4;
    header[7] = 8;
    return header;
  });
  return elf.segments
    .filter(({ executable }) => !executable)
    .flatMap(({ at, bytes }) =>
      magics
        .flatMap((header) => file.findAll(header, at, at + bytes, MAX_TABLES))
        .map((found) => ({ at: found, bytes: at + bytes - found })),
    );
}

/** Offsets of names in the table of names, each of which begins after another's NUL. */
function findNames(
  file: FileView,
  from: number,
  to: number,
  names: readonly string[],
): Map<number, string> {
  const wanted = new Map<number, string>();
  for (const name of names) {
    const [found] = file.findAll(Buffer.from(`\0${name}\0`, "latin1"), from, to, 1);
    if (found !== undefined) wanted.set(found + 1 - from, name);
  }
  return wanted;
}

interface Table {
  readonly at: number;
  readonly count: number;
  /** Entries are two words of 8 bytes each, else of 4. */
  readonly wide: boolean;
  readonly end: number;
}

/** Each entry is described elsewhere in the table, which begins with the place of the function's name. */
function readFunctions(
  file: FileView,
  table: Table,
  wanted: ReadonlyMap<number, string>,
  functions: Map<string, GoFunction>,
): number[] {
  const sample: number[] = [];
  if (wanted.size === 0) return sample;
  const every = Math.max(1, Math.floor(table.count / SAMPLE));
  let index = 0;
  let last = 0;
  for (const { from, described, to } of entriesOf(file, table)) {
    // both are in the order of the functions: going back and forth in the file would take too long
    if (described < last) break;
    last = described;
    if (index++ % every === 0) sample.push(from);
    const name = wanted.get(file.u32(table.at + described + (table.wide ? 8 : 4)));
    if (name !== undefined) functions.set(name, { from, to });
  }
  return sample;
}

interface Entry extends GoFunction {
  /** Where the description is, in bytes after the first entry. */
  readonly described: number;
}

/** Two words each, where the function begins and where it is described; after the last, where that one ends. */
function* entriesOf(file: FileView, { at, count, wide, end }: Table): Generator<Entry> {
  const word = wide ? 8 : 4;
  for (let first = 0; first < count; first += BATCH) {
    const inBatch = Math.min(BATCH, count - first);
    const place = at + first * 2 * word;
    const words = file.bytes(place, (inBatch * 2 + 1) * word);
    if (words.length < (inBatch * 2 + 1) * word || place + words.length > end) return;
    for (let i = 0; i < inBatch; i++) {
      const from = readWord(words, i * 2, wide);
      const described = readWord(words, i * 2 + 1, wide);
      yield { from, described, to: readWord(words, i * 2 + 2, wide) };
    }
  }
}

function readWord(words: Buffer, index: number, wide: boolean): number {
  if (!wide) return words.readUInt32LE(index * 4);
  return words.readUInt32LE(index * 8 + 4) * 2 ** 32 + words.readUInt32LE(index * 8);
}
