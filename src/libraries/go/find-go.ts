/** A program in; where Go's crypto/tls reads and writes in it out, stripped or not. */
import { type Elf, fileOffset, sectionNamed } from "../elf.ts";
import type { FileView } from "../file-view.ts";
import { findFunctions } from "../symbols.ts";
import type { Abi, NotHeard, Probe, Role } from "../types.ts";
import { readGoVersion } from "./build-info.ts";
import { findPclntabs, type GoFunction, type Pclntab, readPclntab } from "./pclntab.ts";
import { conventionOf, findReturns } from "./returns.ts";
import { findText } from "./text-address.ts";

const READ = "crypto/tls.(*Conn).Read";
const WRITE = "crypto/tls.(*Conn).Write";
const ROLES: readonly (readonly [string, Role])[] = [
  [READ, "read"],
  [WRITE, "write"],
];
/** Longer functions are none of these. */
const MAX_CODE = 64 * 1024;

export interface GoStack {
  readonly kind: "go";
  readonly abi: Abi;
  readonly version: string | undefined;
  readonly probes: readonly Probe[];
}

/** undefined: no Go program, or one that has no TLS. */
export function findGo(file: FileView, elf: Elf): GoStack | NotHeard | undefined {
  const section = sectionNamed(elf, ".gopclntab") ?? sectionNamed(elf, ".data.rel.ro.gopclntab");
  if (section === undefined && sectionNamed(elf, ".go.buildinfo") === undefined) return undefined;
  const places = section === undefined ? findPclntabs(file, elf) : [section];
  const table = first(places, ({ at, bytes }) => readPclntab(file, at, bytes, [READ, WRITE]));
  if (table === undefined)
    return notHeard("its table of functions is missing or of another format");
  const read = table.functions.get(READ);
  const write = table.functions.get(WRITE);
  if (read === undefined && write === undefined) return undefined;
  if (read === undefined || write === undefined) {
    return notHeard(`it has no ${read === undefined ? READ : WRITE}`);
  }
  const text = textAddress(file, elf, table, [read, write]);
  if (text === undefined) return notHeard("where its code begins is not sure");
  return probe(file, elf, table, text);
}

function first<In, Out>(items: readonly In[], get: (item: In) => Out | undefined): Out | undefined {
  for (const item of items) {
    const got = get(item);
    if (got !== undefined) return got;
  }
  return undefined;
}

function notHeard(reason: string): NotHeard {
  return { stack: "go", reason };
}

/** Where the text is mapped to which the table's places are relative. */
function textAddress(
  file: FileView,
  elf: Elf,
  table: Pclntab,
  wanted: readonly GoFunction[],
): number | undefined {
  const [symbol] = findFunctions(file, elf, [READ]).get(READ) ?? [];
  const read = table.functions.get(READ);
  return findText({ file, elf, table, wanted, symbol, read });
}

function probe(file: FileView, elf: Elf, table: Pclntab, text: number): GoStack | NotHeard {
  const probes: Probe[] = [];
  const conventions = new Set<Abi>();
  for (const [name, role] of ROLES) {
    const { from, to } = table.functions.get(name) ?? { from: 0, to: 0 };
    const entry = fileOffset(elf, text + from);
    if (entry === undefined || !(to - from > 0 && to - from <= MAX_CODE)) {
      return notHeard(`${name} is not where its table says`);
    }
    const code = file.bytes(entry, to - from);
    const convention = conventionOf(elf.machine, code, table.since);
    if (convention === undefined) return notHeard(`${name} does not begin as Go's functions do`);
    const returns = findReturns(elf.machine, code);
    if (typeof returns === "string") return notHeard(`${name}: ${returns}`);
    conventions.add(convention);
    probes.push({ function: name, role, entry, returns: returns.map((at) => entry + at) });
  }
  const [abi, other] = conventions;
  if (abi === undefined || other !== undefined) return notHeard("its functions are of two kinds");
  return { kind: "go", abi, version: readGoVersion(file, elf), probes };
}
