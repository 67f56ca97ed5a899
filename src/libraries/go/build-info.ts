/** A Go program in; the version of Go that built it out. */
import { type Elf, fileOffset, sectionNamed } from "../elf.ts";
import type { FileView } from "../file-view.ts";

/** "\xff Go buildinf:" */
const MAGIC = Buffer.from("\xff Go buildinf:", "latin1");
const HEADER = 32;
const MAX_VERSION = 64;
const INLINE = 2;

/** "go1.26.8". undefined: the program does not tell. Source: debug/buildinfo, buildinfo.go. */
export function readGoVersion(file: FileView, elf: Elf): string | undefined {
  const section = sectionNamed(elf, ".go.buildinfo");
  if (section === undefined || !file.bytes(section.at, MAGIC.length).equals(MAGIC)) {
    return undefined;
  }
  const isInline = (file.u8(section.at + 15) & INLINE) !== 0;
  const bytes = isInline
    ? file.bytes(section.at + HEADER + 1, Math.min(file.u8(section.at + HEADER), MAX_VERSION))
    : readString(file, elf, file.u64(section.at + 16));
  const [version] = /^go\d[\w.+-]*/.exec(bytes.toString("latin1")) ?? [];
  return version;
}

/** A Go string's header at an address: where its bytes are mapped, and how many. Before Go 1.18. */
function readString(file: FileView, elf: Elf, address: number): Buffer {
  const header = fileOffset(elf, address);
  const at = header === undefined ? undefined : fileOffset(elf, file.u64(header));
  if (header === undefined || at === undefined) return Buffer.alloc(0);
  return file.bytes(at, Math.min(file.u64(header + 8), MAX_VERSION));
}
