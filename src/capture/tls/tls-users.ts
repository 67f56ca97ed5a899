/** Processes and files that the kernel knows for TLS in; what it knows of them out. */
import type { BpfMap } from "../../../ffi/map.ts";
import { TLS_USER } from "../layout.ts";

export interface TlsUser {
  /** It was inside a library that is listened to. */
  readonly isHeard: boolean;
  /** What came out there was HTTP or JSON. */
  readonly isKnown: boolean;
}

export class TlsUsers {
  readonly #users: BpfMap;
  readonly #files: BpfMap;

  /** `users`, `files`: the maps tls_users and known_files of bpf/maps.h. */
  constructor(users: BpfMap, files: BpfMap) {
    this.#users = users;
    this.#files = files;
  }

  /** undefined: the process speaks no TLS that was seen, or has ended. */
  at(pid: number): TlsUser | undefined {
    const value = new Uint8Array(TLS_USER.size);
    if (!this.#users.lookup(new Uint8Array(new Uint32Array([pid]).buffer), value)) return undefined;
    const view = new DataView(value.buffer);
    const isSet = (offset: number) => view.getUint32(offset, true) !== 0;
    return { isHeard: isSet(TLS_USER.heard), isKnown: isSet(TLS_USER.known) };
  }

  /** Processes whose libraries gave HTTP or JSON. */
  *known(): Generator<number> {
    for (const key of this.#users.keys(4)) {
      const pid = new DataView(key.buffer).getUint32(0, true);
      if (this.at(pid)?.isKnown) yield pid;
    }
  }

  /** A file that was told of (MappedEvent) is to be told of again. */
  forgetFile(file: Uint8Array): void {
    this.#files.delete(file);
  }
}
