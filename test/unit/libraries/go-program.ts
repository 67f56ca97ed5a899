/** Go functions by name and code in; a Go program with its table of functions out, as Go's linker lays it out. */
import { BASE, makeElf, type Part } from "./make-elf.ts";

export interface GoFunctionOf {
  readonly name: string;
  /** Filled with int3 to a multiple of 32 bytes on x64. */
  readonly code: Buffer;
}

export interface GoOptions {
  /** Of the table's format: from Go 1.16, 1.18 or 1.20 on. */
  readonly since?: 16 | 18 | 20;
  readonly machine?: number;
  /** Bytes of C code before Go's in the section. */
  readonly before?: number;
  /** Whether the table tells where the text begins. */
  readonly tells?: boolean;
  /** undefined: the table has no section of its own. */
  readonly section?: string | undefined;
  readonly extra?: readonly Part[];
}

const CODE_AT = 0x1000;
const TABLE_AT = 0x6000;
const INFO_AT = 0x9000;
const MAGIC = { 16: 0xfffffffa, 18: 0xfffffff0, 20: 0xfffffff1 } as const;

export interface GoProgram {
  readonly file: Buffer;
  /** Byte of the file at which each function begins. */
  readonly at: Readonly<Record<string, number>>;
}

export function makeGo(functions: readonly GoFunctionOf[], options: GoOptions = {}): GoProgram {
  const { since = 20, machine = 62, before = 0, tells = true } = options;
  const section = "section" in options ? options.section : ".gopclntab";
  const code = Buffer.alloc(0x4000, machine === 62 ? 0xcc : 0);
  const starts: number[] = [];
  const at: Record<string, number> = {};
  let next = before;
  for (const one of functions) {
    starts.push(next - before);
    at[one.name] = CODE_AT + next;
    one.code.copy(code, next);
    next = Math.ceil((next + one.code.length) / 32) * 32;
  }
  starts.push(next - before);
  const text = since === 16 || tells ? CODE_AT + BASE + before : 0;
  const table = makeTable(functions, starts, since, machine === 62 ? 1 : 4, text);
  const info = since === 16 ? infoByPointer() : infoInline();
  const file = makeElf(
    [
      { name: ".text", at: CODE_AT, bytes: code, mapped: "rx" },
      { name: section ?? ".rodata", at: TABLE_AT, bytes: table, mapped: "r" },
      { name: ".go.buildinfo", at: INFO_AT, bytes: info, mapped: "rw" },
      ...(options.extra ?? []),
    ],
    { machine },
  );
  return { file, at };
}

function infoInline(): Buffer {
  return Buffer.concat([
    Buffer.from("\xff Go buildinf:\x08\x02", "latin1"),
    Buffer.alloc(16),
    Buffer.from("\x08go1.26.8\x00", "latin1"),
  ]);
}

/** Before Go 1.18: the address of a string's header, which has the address of its bytes and their number. */
function infoByPointer(): Buffer {
  const info = Buffer.alloc(64);
  info.write("\xff Go buildinf:\x08\x00", "latin1");
  info.writeBigUInt64LE(BigInt(INFO_AT + BASE + 32), 16);
  info.writeBigUInt64LE(BigInt(INFO_AT + BASE + 48), 32);
  info.writeBigUInt64LE(8n, 40);
  info.write("go1.26.8", 48, "latin1");
  return info;
}

function makeTable(
  functions: readonly GoFunctionOf[],
  starts: readonly number[],
  since: 16 | 18 | 20,
  quantum: number,
  text: number,
): Buffer {
  const names = functions.map(({ name }) => `${name}\0`);
  const nameTable = Buffer.from(`\0${names.join("")}`, "latin1");
  const words = since === 16 ? 7 : 8;
  const namesAt = 8 + words * 8;
  const tableAt = Math.ceil((namesAt + nameTable.length) / 8) * 8;
  const word = since === 16 ? 8 : 4;
  const described = (functions.length * 2 + 1) * word;
  const table = Buffer.alloc(tableAt + described + functions.length * 48 + 64);
  table.writeUInt32LE(MAGIC[since], 0);
  table[6] = quantum;
  table[7] = 8;
  const header = [functions.length, 1];
  if (since !== 16) header.push(text);
  header.push(namesAt, tableAt, tableAt, tableAt, tableAt);
  for (const [i, value] of header.entries()) table.writeBigUInt64LE(BigInt(value), 8 + i * 8);
  nameTable.copy(table, namesAt);
  for (const [i, start] of starts.entries()) {
    const place = since === 16 ? start + text : start;
    const entry = tableAt + i * 2 * word;
    table.writeUInt32LE(place, entry);
    if (i === functions.length) continue;
    const description = described + i * 48;
    table.writeUInt32LE(description, entry + word);
    table.writeUInt32LE(place, tableAt + description);
    const name = names.slice(0, i).reduce((sum, one) => sum + one.length, 1);
    table.writeInt32LE(name, tableAt + description + word);
  }
  return table;
}
