/** The object's global variables, by name: offsets come from its own symbol table, so they cannot drift. */

import { BpfError } from "../../ffi/errors.ts";

const ENOENT = 2;

interface Section {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

const SHT_SYMTAB = 2;
const STT_OBJECT = 1;

function readSections(elf: DataView): Section[] {
  const table = Number(elf.getBigUint64(0x28, true));
  const entrySize = elf.getUint16(0x3a, true);
  const count = elf.getUint16(0x3c, true);
  const raw = Array.from({ length: count }, (_, i) => {
    const at = table + i * entrySize;
    return {
      nameAt: elf.getUint32(at, true),
      type: elf.getUint32(at + 4, true),
      offset: Number(elf.getBigUint64(at + 0x18, true)),
      size: Number(elf.getBigUint64(at + 0x20, true)),
      link: elf.getUint32(at + 0x28, true),
    };
  });
  const names = raw[elf.getUint16(0x3e, true)];
  return raw.map((each) => ({ ...each, name: names ? name(elf, names.offset + each.nameAt) : "" }));
}

function name(elf: DataView, at: number): string {
  let end = at;
  while (elf.getUint8(end) !== 0) end += 1;
  return Buffer.from(elf.buffer, elf.byteOffset + at, end - at).toString("latin1");
}

/** Offsets of the variables of one section ("bss", "rodata") of a little-endian ELF64 object. */
export function variableOffsets(object: Uint8Array, section: string): ReadonlyMap<string, number> {
  const elf = new DataView(object.buffer, object.byteOffset, object.byteLength);
  const sections = readSections(elf);
  const index = sections.findIndex((each) => each.name === `.${section}`);
  const found = new Map<string, number>();
  for (const table of sections.filter((each) => each.type === SHT_SYMTAB)) {
    const strings = sections[table.link];
    for (let at = table.offset; at < table.offset + table.size; at += 24) {
      const isVariable = (elf.getUint8(at + 4) & 0xf) === STT_OBJECT;
      if (!isVariable || elf.getUint16(at + 6, true) !== index || !strings) continue;
      const symbol = name(elf, strings.offset + elf.getUint32(at, true));
      found.set(symbol, Number(elf.getBigUint64(at + 8, true)));
    }
  }
  return found;
}

/** @throws BpfError when there is none of this name. */
export function offsetOf(offsets: ReadonlyMap<string, number>, name: string): number {
  const offset = offsets.get(name);
  if (offset === undefined) throw new BpfError(`Cannot find variable "${name}"`, ENOENT);
  return offset;
}
