/** What the programs are to take for constant in, written into their object before it is loaded. */
import { BpfError } from "../../ffi/errors.ts";
import type { BpfObject } from "../../ffi/object.ts";
import { variableOffsets } from "./globals.ts";

/** A number is a __u32, the other a bool (bpf/config.h). @throws BpfError */
export function setConstants(
  object: BpfObject,
  bytes: Uint8Array,
  constants: Readonly<Record<string, number | boolean>>,
): void {
  const memory = object.memory(".rodata");
  const offsets = variableOffsets(bytes, "rodata");
  for (const [name, value] of Object.entries(constants)) {
    const offset = offsets.get(name);
    if (offset === undefined) throw new BpfError(`Cannot find constant "${name}"`, 2);
    if (typeof value === "number") memory.setUint32(offset, value, true);
    else memory.setUint8(offset, value ? 1 : 0);
  }
}
