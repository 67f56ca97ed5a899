/** The shim and the BPF object as embedded in the executable; the Makefile puts the right architecture's in place. */
import { readFileSync } from "node:fs";
import shimPath from "../build/assets/libshim.so" with { type: "file" };
import objectPath from "../build/assets/overhear.bpf.o" with { type: "file" };

export function readShim(): Uint8Array {
  return readFileSync(shimPath);
}

export function readObject(): Uint8Array {
  return readFileSync(objectPath);
}

/** Where Bun itself would extract the shim: used only where a memfd cannot be executed. */
export const embeddedShimPath: string = shimPath;
