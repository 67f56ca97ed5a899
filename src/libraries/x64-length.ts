/** x86-64 code in; how many bytes its next instruction takes out. */

/** Longest instruction there is. Source: Intel SDM, volume 2, 2.3.11. */
const MAX_LENGTH = 15;
const OPERAND_SIZE = 0x66;
const ADDRESS_SIZE = 0x67;
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0xf2, 0xf3]);

/** What follows an opcode: ModRM (M), then constants of 1, 2 or 4 bytes, Z: 4, or 2 after 66; V: 8 with REX.W, else Z; A: an
 * address; T: one byte or Z only for test, which is told by ModRM; X: none such in 64-bit mode, or not decoded here. */
type Form = "" | "M" | "M1" | "MZ" | "MT1" | "MTZ" | "1" | "2" | "3" | "4" | "Z" | "V" | "A" | "X";

/** "from-to:form"; every opcode from 00 to ff is in one of them. Source: Intel SDM, volume 2D, table A-2. */
const ONE_BYTE = readForms(
  `${Array.from({ length: 8 }, (_, i) => {
    const row = (i * 8).toString(16);
    const last = (low: number) => (i * 8 + low).toString(16);
    return `${row}-${last(3)}:M ${last(4)}:1 ${last(5)}:Z ${last(6)}-${last(7)}:X`;
  }).join(
    " ",
  )} 40-4f:X 50-5f: 60-62:X 63:M 64-67:X 68:Z 69:MZ 6a:1 6b:M1 6c-6f: 70-7f:1 80:M1 81:MZ 82:X 83:M1 84-8e:M 8f:X
  90-99: 9a:X 9b-9f: a0-a3:A a4-a7: a8:1 a9:Z aa-af: b0-b7:1 b8-bf:V c0-c1:M1 c2:2 c3: c4-c5:X c6:M1 c7:MZ c8:3 c9: ca:2
  cb-cc: cd:1 ce:X cf: d0-d3:M d4-d6:X d7: d8-df:M e0-e7:1 e8-e9:4 ea:X eb:1 ec-ef: f0:X f1: f2-f3:X f4-f5: f6:MT1 f7:MTZ
  f8-fd: fe-ff:M`,
);

/** After 0f. Source: table A-3. */
const TWO_BYTE = readForms(
  `00-03:M 04:X 05-09: 0a:X 0b: 0c:X 0d:M 0e-0f:X 10-23:M 24-27:X 28-2f:M 30-35: 36:X 37: 38-3f:X 40-6f:M 70-73:M1 74-76:M
  77: 78-7f:M 80-8f:4 90-9f:M a0-a2: a3:M a4:M1 a5:M a6-a7:X a8-aa: ab:M ac:M1 ad-af:M b0-b9:M ba:M1 bb-c1:M c2:M1 c3:M
  c4-c6:M1 c7:M c8-cf: d0-ff:M`,
);

function readForms(text: string): readonly Form[] {
  const forms: Form[] = new Array(256).fill("X");
  for (const entry of text.split(/\s+/)) {
    const [range = "", form = ""] = entry.split(":");
    const [from = "", to = from] = range.split("-");
    if (isForm(form)) forms.fill(form, Number.parseInt(from, 16), Number.parseInt(to, 16) + 1);
  }
  return forms;
}

function isForm(text: string): text is Form {
  return /^(?:M?[1Z]?|MT[1Z]|[234VAX])$/.test(text);
}

/**
 * Length in bytes of the instruction at `at`. undefined: it ends after `code` does, or is none that is known.
 * What compilers never make is left out: a 66 prefix before a near jump or call, of which processors differ,
 * pop with ModRM, which shares 8f with XOP, and 3DNow!.
 */
export function instructionLength(code: Buffer, at: number): number | undefined {
  const prefixes = readPrefixes(code, at);
  const opcode = readOpcode(code, prefixes.next);
  if (opcode === undefined) return undefined;
  if (prefixes.operand16 && opcode.form === "4") return undefined;
  const size = operandBytes(code, opcode.next, opcode.form, prefixes);
  if (size === undefined) return undefined;
  const length = opcode.next + size - at;
  return length > MAX_LENGTH || at + length > code.length ? undefined : length;
}

interface Prefixes {
  readonly operand16: boolean;
  readonly address32: boolean;
  /** REX.W */
  readonly wide: boolean;
  /** Where the opcode is. */
  readonly next: number;
}

function readPrefixes(code: Buffer, at: number): Prefixes {
  let next = at;
  let operand16 = false;
  let address32 = false;
  for (; next - at < MAX_LENGTH; next++) {
    const byte = code[next] ?? -1;
    if (byte === OPERAND_SIZE) operand16 = true;
    else if (byte === ADDRESS_SIZE) address32 = true;
    else if (!PREFIXES.has(byte)) break;
  }
  const rex = code[next] ?? 0;
  if ((rex & 0xf0) !== 0x40) return { operand16, address32, wide: false, next };
  return { operand16, address32, wide: (rex & 8) !== 0, next: next + 1 };
}

/** The form of the opcode at `at`, and where what follows it begins. */
function readOpcode(
  code: Buffer,
  at: number,
): { readonly form: Form; readonly next: number } | undefined {
  const byte = code[at];
  if (byte === undefined) return undefined;
  if (byte === 0xc5) return vectorOpcode(code, at + 2, 1);
  if (byte === 0xc4) return vectorOpcode(code, at + 3, (code[at + 1] ?? 0) & 0x1f);
  if (byte === 0x62) return vectorOpcode(code, at + 4, (code[at + 1] ?? 0) & 7);
  if (byte !== 0x0f) return known(ONE_BYTE[byte], at + 1);
  const second = code[at + 1] ?? 0;
  if (second === 0x38) return { form: "M", next: at + 3 };
  if (second === 0x3a) return { form: "M1", next: at + 3 };
  return known(TWO_BYTE[second], at + 2);
}

/** VEX and EVEX: the map of opcodes stands in the prefix. Source: Intel SDM, volume 2, 2.3.5 and 2.7.1. */
function vectorOpcode(code: Buffer, at: number, map: number): ReturnType<typeof readOpcode> {
  const opcode = code[at];
  if (opcode === undefined) return undefined;
  if (map === 2) return { form: "M", next: at + 1 };
  if (map === 3) return { form: "M1", next: at + 1 };
  return map === 1 ? known(TWO_BYTE[opcode], at + 1) : undefined;
}

function known(form: Form | undefined, next: number): ReturnType<typeof readOpcode> {
  return form === undefined || form === "X" ? undefined : { form, next };
}

/** Bytes of ModRM, SIB, displacement and constants. */
function operandBytes(
  code: Buffer,
  at: number,
  form: Form,
  { operand16, wide, address32 }: Prefixes,
): number | undefined {
  const z = operand16 && !wide ? 2 : 4;
  if (form === "Z") return z;
  if (form === "V") return wide ? 8 : z;
  if (form === "A") return address32 ? 4 : 8;
  if (!form.startsWith("M")) return Number(form);
  const modrm = code[at];
  if (modrm === undefined) return undefined;
  const address = addressBytes(code, at, modrm);
  if (form === "M") return address;
  // f6 and f7: only /0 and /1, test, have a constant
  if (form.startsWith("MT") && ((modrm >> 3) & 7) > 1) return address;
  return address + (form.endsWith("Z") ? z : 1);
}

/** Source: Intel SDM, volume 2, tables 2-2 and 2-3. */
function addressBytes(code: Buffer, at: number, modrm: number): number {
  const mode = modrm >> 6;
  const base = modrm & 7;
  if (mode === 3) return 1;
  const sib = base === 4 ? 1 : 0;
  if (mode === 1) return 2 + sib;
  if (mode === 2) return 5 + sib;
  const isDisplacement = base === 5 || (sib === 1 && ((code[at + 1] ?? 0) & 7) === 5);
  return 1 + sib + (isDisplacement ? 4 : 0);
}
