/** A Go function's code in; where it returns, and by which convention it is called, out. */
import type { Machine } from "../elf.ts";
import { instructionLength } from "../x64-length.ts";

/** Bytes after the function's start of each return instruction; or why not all of them can be told. */
export type Returns = readonly number[] | string;

const UNKNOWN = "an instruction of it is not known";
const LEAVES = "it ends in a jump elsewhere";
const NEVER = "it has no return instruction";
/** `code` begins and ends where the function does, or goes on with padding. */
export function findReturns(machine: Machine, code: Buffer): Returns {
  const returns = machine === "x64" ? returnsX64(code) : returnsArm64(code);
  return returns.length === 0 ? NEVER : returns;
}

const INT3 = 0xcc;

function returnsX64(code: Buffer): Returns {
  const returns: number[] = [];
  let end = code.length;
  while (end > 0 && code[end - 1] === INT3) end--;
  for (let at = 0; at < end; ) {
    const length = instructionLength(code, at);
    if (length === undefined) return UNKNOWN;
    const opcode = code[at] ?? 0;
    if (opcode === 0xc3 || opcode === 0xc2) returns.push(at);
    if (isTailCall(code, at)) return LEAVES;
    at += length;
  }
  return returns;
}

/** A jump out of the function: the last thing that one does which calls another in its own place. */
function isTailCall(code: Buffer, at: number): boolean {
  switch (code[at]) {
    case 0xe9:
      return leaves(code, at + 5 + code.readInt32LE(at + 1));
    case 0xeb:
      return leaves(code, at + 2 + code.readInt8(at + 1));
    case 0xff:
      return isIndirectJump(code[at + 1] ?? 0) && !isSwitch(code, at);
    default:
      return false;
  }
}

function leaves(code: Buffer, target: number): boolean {
  return target < 0 || target >= code.length;
}

/** ff /4. */
function isIndirectJump(modrm: number): boolean {
  return ((modrm >> 3) & 7) === 4;
}

/** Go's tables of jumps: `jmp reg` or `jmp [reg + reg * 8]`, into the function itself. A tail call goes through `jmp [reg]`. */
function isSwitch(code: Buffer, at: number): boolean {
  const modrm = code[at + 1] ?? 0;
  return modrm >> 6 === 3 || ((modrm & 7) === 4 && ((code[at + 2] ?? 0) & 0xc0) === 0xc0);
}

const RET = 0xd65f03c0;

function returnsArm64(code: Buffer): Returns {
  const returns: number[] = [];
  for (let at = 0; at + 4 <= code.length; at += 4) {
    const word = code.readUInt32LE(at);
    if (word === RET) returns.push(at);
    // b: 26 bits, signed, of words
    if ((word & 0xfc000000) >>> 0 === 0x14000000 && leaves(code, at + ((word << 6) >> 4))) {
      return LEAVES;
    }
  }
  return returns;
}

/**
 * How a function that looks at its stack first is called. undefined: it does not begin so, and is perhaps no function.
 * Source: cmd/internal/obj/x86/obj6.go and arm64/obj7.go, stacksplit. `since`: as in the table of functions.
 */
export function conventionOf(
  machine: Machine,
  start: Buffer,
  since: number,
): "go-register" | "go-stack" | undefined {
  if (machine === "arm64") {
    // ldr x16, [x28, #16]: g is in x28 with both; registers carry arguments since Go 1.18
    if (start.length < 4 || start.readUInt32LE(0) !== 0xf9400b90) return undefined;
    return since >= 18 ? "go-register" : "go-stack";
  }
  const text = start.toString("hex", 0, 12);
  // cmp rsp, [r14 + 16]; or lea r12, [rsp - n], with n of 1 or 4 bytes, and cmp r12, [r14 + 16]
  if (/^(?:493b6610|4c8d6424..4d3b6610|4c8da424.{8}4d3b6610)/.test(text)) return "go-register";
  // mov rcx, fs:[-8]: g is in no register
  return text.startsWith("64488b0c25f8ffffff") ? "go-stack" : undefined;
}
