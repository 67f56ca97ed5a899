/** The shim and the BPF objects as embedded in the executable; the Makefile puts the right architecture's in place. */
import { readFileSync } from "node:fs";
import connectionsObjectPath from "../build/assets/connections.bpf.o" with { type: "file" };
import filesObjectPath from "../build/assets/files.bpf.o" with { type: "file" };
import shimPath from "../build/assets/libshim.so" with { type: "file" };
import objectPath from "../build/assets/overhear.bpf.o" with { type: "file" };
import tlsObjectPath from "../build/assets/tls.bpf.o" with { type: "file" };

export function readShim(): Uint8Array {
  return readFileSync(shimPath);
}

export function readObject(): Uint8Array {
  return readFileSync(objectPath);
}

export function readTlsObject(): Uint8Array {
  return readFileSync(tlsObjectPath);
}

export function readConnectionsObject(): Uint8Array {
  return readFileSync(connectionsObjectPath);
}

export function readFilesObject(): Uint8Array {
  return readFileSync(filesObjectPath);
}

/** Where Bun itself would extract the shim: used only where a memfd cannot be executed. */
export const embeddedShimPath: string = shimPath;
