/** Sockets that were connected before the tool listened in, what the kernel would know had it seen that, out. */
import type { BpfMap } from "../../ffi/map.ts";
import { wholeAddress } from "./fields.ts";
import type { Holder } from "./holders.ts";
import { EARLY, LINK } from "./layout.ts";

export type Owner = Pick<Holder, "pid" | "startNs">;

export interface Link {
  readonly socket: number;
  /** undefined: it is of another host. */
  readonly peer: number | undefined;
  /** Who has the socket. */
  readonly owner: Owner | undefined;
}

/** One that was connected since the programs are attached is known better. */
export function writeLink(links: BpfMap, { socket, peer, owner }: Link): void {
  const value = new DataView(new ArrayBuffer(LINK.size));
  if (owner !== undefined) {
    value.setBigUint64(LINK.own + EARLY.start_ns, BigInt(owner.startNs), true);
    value.setUint32(LINK.own + EARLY.tgid, owner.pid, true);
  }
  if (peer !== undefined) value.setBigUint64(LINK.peer, wholeAddress(peer), true);
  value.setUint32(LINK.late, 1, true);
  const key = new Uint8Array(new BigUint64Array([wholeAddress(socket)]).buffer);
  if (links.lookup(key, new Uint8Array(LINK.size))) return;
  links.set(key, new Uint8Array(value.buffer));
}
