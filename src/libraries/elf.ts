/** A file in; what its ELF headers say of it out: machine, segments, sections, build id. */
import type { FileView } from "./file-view.ts";

export type Machine = "x64" | "arm64";

/** A PT_LOAD entry: `bytes` of the file from `at` on are mapped at `address`. */
export interface Segment {
  readonly at: number;
  readonly address: number;
  readonly bytes: number;
  readonly executable: boolean;
  readonly writable: boolean;
}

export interface Section {
  readonly name: string;
  /** sh_type. */
  readonly type: number;
  readonly at: number;
  readonly address: number;
  readonly bytes: number;
  /** sh_link: of a table of symbols, which section has their names. */
  readonly link: number;
}

export interface Elf {
  readonly machine: Machine;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
  /** Lower-case hexadecimal. */
  readonly buildId: string | undefined;
}

const MAGIC = 0x464c457f;
const CLASS_64_LITTLE_ENDIAN = 0x0102;
const MACHINES: ReadonlyMap<number, Machine> = new Map([
  [62, "x64"],
  [183, "arm64"],
]);
const EXECUTABLE = 2;
const SHARED = 3;
const PROGRAM_HEADER = 56;
const SECTION_HEADER = 64;
/** What a file of ours has at most; more are not read. */
const MAX_SEGMENTS = 64;
const MAX_SECTIONS = 1024;
const MAX_NAME = 64;
/** Bytes of the file that may be in two segments: the page in which one ends and another begins, for each. */
const SHARED_BYTES = MAX_SEGMENTS * 64 * 1024;
const PT_LOAD = 1;
const PT_NOTE = 4;
const NOBITS = 8;
const NT_GNU_BUILD_ID = 3;
/** "GNU\0". */
const GNU = 0x00554e47;
const MAX_BUILD_ID = 64;
const MAX_NOTES = 256;

/** undefined: no program or shared object for a machine that we know. Source: elf(5). */
export function readElf(file: FileView): Elf | undefined {
  if (file.u32(0) !== MAGIC || file.u16(4) !== CLASS_64_LITTLE_ENDIAN) return undefined;
  const type = file.u16(16);
  const machine = MACHINES.get(file.u16(18));
  if (machine === undefined || (type !== EXECUTABLE && type !== SHARED)) return undefined;
  const segments: Segment[] = [];
  let buildId: string | undefined;
  const count = Math.min(file.u16(56), MAX_SEGMENTS);
  const entry = file.u16(54);
  if (entry < PROGRAM_HEADER) return undefined;
  for (let i = 0; i < count; i++) {
    const header = file.u64(32) + i * entry;
    const kind = file.u32(header);
    if (kind === PT_NOTE) {
      buildId ??= readBuildId(file, {
        at: file.u64(header + 8),
        bytes: file.u64(header + 32),
        align: file.u64(header + 48),
      });
    }
    if (kind === PT_LOAD) addSegment(file, header, segments);
  }
  const sections = readSections(file);
  // the linker of Go puts it in no segment
  const note = sections.find(({ name }) => name === ".note.gnu.build-id");
  if (note !== undefined) buildId ??= readBuildId(file, { ...note, align: 4 });
  return { machine, segments, sections, buildId };
}

/** Those after which more than the file would be looked at, which overlap, are left out. */
function addSegment(file: FileView, header: number, segments: Segment[]): void {
  const flags = file.u32(header + 4);
  const at = file.u64(header + 8);
  const bytes = Math.min(file.u64(header + 32), file.size - at);
  const sum = segments.reduce((total, segment) => total + segment.bytes, bytes);
  if (!(bytes > 0) || sum > file.size + SHARED_BYTES) return;
  const address = file.u64(header + 16);
  const executable = (flags & 1) !== 0;
  segments.push({ at, address, bytes, executable, writable: (flags & 2) !== 0 });
}

function readSections(file: FileView): Section[] {
  const table = file.u64(40);
  const entry = file.u16(58);
  const count = Math.min(file.u16(60), MAX_SECTIONS);
  if (table === 0 || entry < SECTION_HEADER) return [];
  const names = file.u64(table + file.u16(62) * entry + 24);
  const headers = Array.from({ length: count }, (_, i) => table + i * entry);
  const sections = headers.map((header) => readSection(file, header));
  return sections.map((section, i) => {
    const name = file.text(names + file.u32(headers[i] ?? 0), MAX_NAME) ?? "";
    return { ...section, name };
  });
}

function readSection(file: FileView, header: number): Section {
  const type = file.u32(header + 4);
  const at = file.u64(header + 24);
  const bytes = type === NOBITS ? 0 : Math.max(0, Math.min(file.u64(header + 32), file.size - at));
  const address = file.u64(header + 16);
  return { name: "", type, at, address, bytes, link: file.u32(header + 40) };
}

interface Notes {
  readonly at: number;
  readonly bytes: number;
  readonly align: number;
}

function readBuildId(file: FileView, notes: Notes): string | undefined {
  const alignment = notes.align === 8 ? 8 : 4;
  const align = (size: number) => Math.ceil(size / alignment) * alignment;
  let at = notes.at;
  const end = Math.min(at + notes.bytes, file.size);
  for (let i = 0; i < MAX_NOTES && at + 12 <= end; i++) {
    const nameBytes = file.u32(at);
    const bytes = file.u32(at + 4);
    const from = at + align(12 + nameBytes);
    const isBuildId = file.u32(at + 8) === NT_GNU_BUILD_ID && nameBytes === 4;
    if (isBuildId && file.u32(at + 12) === GNU && bytes > 0 && bytes <= MAX_BUILD_ID) {
      const id = file.bytes(from, bytes);
      return id.length === bytes ? id.toString("hex") : undefined;
    }
    at = from + align(bytes);
  }
  return undefined;
}

export function sectionNamed(elf: Elf, name: string): Section | undefined {
  return elf.sections.find((section) => section.name === name);
}

/** Where in the file the byte that is mapped at `address` is. undefined: it is mapped from no byte of the file. */
export function fileOffset(elf: Elf, address: number): number | undefined {
  const segment = elf.segments.find(
    (one) => address >= one.address && address - one.address < one.bytes,
  );
  return segment === undefined ? undefined : address - segment.address + segment.at;
}

/** The address at which the file's byte `at` is mapped. undefined: nowhere. */
export function addressOf(elf: Elf, at: number): number | undefined {
  const segment = elf.segments.find((one) => at >= one.at && at - one.at < one.bytes);
  return segment === undefined ? undefined : at - segment.at + segment.address;
}

/** The segments in which texts are: those that are only read, or where there are none, those that are run. */
export function readOnlySegments(elf: Elf): readonly Segment[] {
  const texts = elf.segments.filter((one) => !one.executable && !one.writable);
  const enough = texts.some((one) => one.at !== 0) || texts.some((one) => one.bytes >= 64 * 1024);
  return enough ? texts : elf.segments.filter((one) => !one.writable);
}
