/** Where an address and a port lie in a record in, the end of a connection out. */
import { formatAddress } from "../ip-address.ts";
import type { Endpoint } from "./types.ts";

/** `address` and `port` are offsets: 16 bytes, and a word. */
export function readEndpoint(
  view: DataView,
  bytes: Buffer,
  address: number,
  port: number,
): Endpoint {
  return {
    address: formatAddress(bytes.subarray(address, address + 16)),
    port: view.getUint32(port, true),
  };
}
