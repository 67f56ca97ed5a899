/** Probes of functions in; where a function only calls another with its own arguments, the probe of that one out. */
import type { Elf } from "./elf.ts";
import type { FileView } from "./file-view.ts";
import type { Probe } from "./types.ts";

/** x64: `sub $8,%rsp` and a call, with `endbr64` before it or not: no argument was touched. */
const ENDBR64 = Buffer.from([0xf3, 0x0f, 0x1e, 0xfa]);
const SUB_CALL = Buffer.from([0x48, 0x83, 0xec, 0x08, 0xe8]);
const CALL_END = SUB_CALL.length + 4;
/**
 * OpenSSL 3's SSL_read_ex and SSL_write_ex call inner functions, and so do SSL_read and SSL_write: there all are heard
 * with half the probes. And a probe on a `push` costs one trap, where one on a `sub` costs two: the second, a single
 * step, takes several µs on virtual machines.
 */
export function unwrap(file: FileView, elf: Elf, probes: readonly Probe[]): readonly Probe[] {
  const read = innerOf(file, elf, probes, "read_ex");
  const write = innerOf(file, elf, probes, "write_ex");
  const others = probes.filter(({ role }) => !/^(read|write)/.test(role));
  const found = read === undefined || write === undefined ? probes : [read, write, ...others];
  return found.map((probe) => ({ ...probe, entry: skipEndbr(file, probe.entry) }));
}

function innerOf(
  file: FileView,
  elf: Elf,
  probes: readonly Probe[],
  role: "read_ex" | "write_ex",
): Probe | undefined {
  const outer = probes.find((each) => each.role === role);
  const plain = probes.find((each) => each.role === role.replace("_ex", ""));
  if (outer === undefined || plain === undefined) return undefined;
  const entry = calledAtOnce(file, outer.entry);
  if (entry === undefined || !isCode(elf, entry)) return undefined;
  if (!isPush(file, skipEndbr(file, entry))) return undefined;
  // the plain one has to go the same way
  const next = Math.min(...probes.map((each) => each.entry).filter((at) => at > plain.entry));
  return calls(file, plain.entry, next, entry) ? { ...outer, entry } : undefined;
}

/** What the kernel does in place of the processor. Source: push_setup_xol_ops, arch/x86/kernel/uprobes.c. */
function isPush(file: FileView, at: number): boolean {
  const first = file.u8(at);
  const opcode = first === 0x41 ? file.u8(at + 1) : first;
  return opcode >= 0x50 && opcode <= 0x57;
}

/** A mark for indirect calls does nothing: what follows is reached with the same registers and the same stack. */
function skipEndbr(file: FileView, at: number): number {
  return file.bytes(at, ENDBR64.length).equals(ENDBR64) ? at + ENDBR64.length : at;
}

/** Code and file offsets differ by the same number within a segment. */
function calledAtOnce(file: FileView, entry: number): number | undefined {
  const at = skipEndbr(file, entry);
  const code = file.bytes(at, CALL_END);
  if (code.length < CALL_END || !code.subarray(0, SUB_CALL.length).equals(SUB_CALL))
    return undefined;
  return at + CALL_END + code.readInt32LE(SUB_CALL.length);
}

/** Whether a call of `target` stands near the function's begin, before the next one's. */
function calls(file: FileView, entry: number, next: number, target: number): boolean {
  const code = file.bytes(entry, Math.min(96, next - entry));
  for (
    let at = code.indexOf(0xe8);
    at >= 0 && at + 5 <= code.length;
    at = code.indexOf(0xe8, at + 1)
  ) {
    if (entry + at + 5 + code.readInt32LE(at + 1) === target) return true;
  }
  return false;
}

function isCode(elf: Elf, at: number): boolean {
  return elf.segments.some((each) => each.executable && at >= each.at && at < each.at + each.bytes);
}
