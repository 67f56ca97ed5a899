/** Names of functions in; where the symbol tables of a file, local symbols included, say that they begin out. */
import { type Elf, fileOffset, type Section } from "./elf.ts";
import type { FileView } from "./file-view.ts";

const SYMTAB = 2;
const DYNSYM = 11;
/** A file has one of each kind. */
const MAX_TABLES = 2;
const STT_FUNC = 2;
const SYMBOL = 24;
/** Symbols read at once. */
const BATCH = 32 * 1024;
/** A name may end longer ones, each of which is looked at. */
const MAX_PLACES = 1024;
/** Functions of one name that are told apart; two are too many already. */
const MAX_OFFSETS = 8;

/** Each name with the bytes of the file at which a function so called begins; names that no table defines are left out. */
export function findFunctions(
  file: FileView,
  elf: Elf,
  names: readonly string[],
): Map<string, number[]> {
  const found = new Map<string, number[]>();
  const tables = elf.sections.filter(({ type }) => type === SYMTAB || type === DYNSYM);
  for (const table of tables.slice(0, MAX_TABLES)) {
    const strings = elf.sections[table.link];
    if (strings === undefined) continue;
    const places = findNames(file, strings, names);
    if (places.size > 0) addFunctions(file, elf, table, places, found);
  }
  return found;
}

/** Offsets in the table of strings at which one of `names` begins, and no other text follows it. */
function findNames(
  file: FileView,
  strings: Section,
  names: readonly string[],
): Map<number, string> {
  const needles = names.map((name) => Buffer.from(`${name}\0`, "latin1"));
  const overlap = Math.max(...needles.map((needle) => needle.length)) - 1;
  const places = new Map<number, string>();
  file.scan(strings.at, strings.at + strings.bytes, overlap, (window, at) => {
    for (const [i, needle] of needles.entries()) {
      for (
        let found = window.indexOf(needle);
        found >= 0 && places.size < MAX_PLACES;
        found = window.indexOf(needle, found + 1)
      ) {
        places.set(at + found - strings.at, names[i] ?? "");
      }
    }
    return undefined;
  });
  return places;
}

function addFunctions(
  file: FileView,
  elf: Elf,
  table: Section,
  places: ReadonlyMap<number, string>,
  found: Map<string, number[]>,
): void {
  for (let from = 0; from < table.bytes; from += BATCH * SYMBOL) {
    const wanted = Math.min(BATCH * SYMBOL, table.bytes - from);
    const symbols = file.bytes(table.at + from, wanted);
    for (let at = 0; at + SYMBOL <= symbols.length; at += SYMBOL) {
      const name = places.get(symbols.readUInt32LE(at));
      if (name === undefined) continue;
      const isDefined = symbols.readUInt16LE(at + 6) !== 0;
      if (!isDefined || ((symbols[at + 4] ?? 0) & 0xf) !== STT_FUNC) continue;
      const address = symbols.readUInt32LE(at + 12) * 2 ** 32 + symbols.readUInt32LE(at + 8);
      addOffset(elf, name, address, found);
    }
    if (symbols.length < wanted) return;
  }
}

/** Only of code: what a file says of its symbols is not believed beyond that. */
function addOffset(elf: Elf, name: string, address: number, found: Map<string, number[]>): void {
  const segment = elf.segments.find(
    (one) => one.executable && address >= one.address && address - one.address < one.bytes,
  );
  const offset = segment === undefined ? undefined : fileOffset(elf, address);
  if (offset === undefined) return;
  const offsets = found.get(name);
  if (offsets === undefined) found.set(name, [offset]);
  else if (!offsets.includes(offset) && offsets.length < MAX_OFFSETS) offsets.push(offset);
}
