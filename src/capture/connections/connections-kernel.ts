/** Connections in the ring of the other programs: the object of bpf/connections.bpf.c at work. */
import { readConnectionsObject } from "../../../ffi/assets.ts";
import { BpfError } from "../../../ffi/errors.ts";
import { type BpfIterator, type BpfLink, BpfObject, disposeLinks } from "../../../ffi/object.ts";
import { parseAddress } from "../../ip-address.ts";
import { setConstants } from "../constants.ts";
import { CommCache, u64, wholeAddress, wholeMicros } from "../fields.ts";
import type { FrontEnd } from "../front-ends.ts";
import { CONNECTION, CONNECTION_EVENT, CONNECTION_FLAG, DESTINATION_KEY } from "../layout.ts";
import type { ConnectionEvent, Endpoint } from "../types.ts";
import { ConnectionDecoder } from "./decode-connection.ts";

export interface ConnectionsKernelOptions {
  readonly frontEnd: FrontEnd;
  readonly ownPid: number;
  readonly filtering: boolean;
}

/**
 * "needed", or the run fails; "wanted": the rest works without. "cheap": wanted, and only what costs other calls nothing:
 * by system calls that is TCP without names, and without attempts that fail at once.
 */
export type ConnectionsWish = "needed" | "wanted" | "cheap";

/** What names a connection's entry in the kernel. */
export interface ConnectionKey {
  readonly socket: number;
  readonly startNs: number;
  /** UDP: an entry is one of the destinations of its socket. */
  readonly destination: Endpoint | undefined;
}

/** What an entry has counted by now. */
export interface ConnectionCounts {
  readonly sent: number;
  readonly received: number;
  /** Unix: a read saw the end. */
  readonly finReceived: boolean;
  /** When bytes moved last. */
  readonly lastNs: number;
}

/** Changes of TCP's states, each in two copies (bpf/connections.bpf.c). */
const TWINS = ["connection_state", "connection_end"] as const;
const ALWAYS = [...TWINS.flatMap((name) => [name, `${name}_twin`]), "connection_reset"];

const CALLS: Readonly<Record<FrontEnd, readonly string[]>> = {
  tracepoint: ["connection_sys_exit"],
  fexit: [
    "connection_inet_stream_connect",
    "connection_inet_dgram_connect",
    "connection_unix_stream_connect",
    "connection_unix_dgram_connect",
    "connection_inet_accept",
    "connection_unix_accept",
    "connection_inet_recv",
    "connection_inet_send",
    "connection_unix_stream_recv",
    "connection_unix_stream_send",
    "connection_unix_dgram_recv",
    "connection_unix_dgram_send",
  ],
};

interface Optional {
  readonly program: string;
  /** Kernel function or tracepoint, which may not exist. */
  readonly target: string;
  /** Without it something is missed. */
  readonly isMissed: boolean;
}

/** Since 5.15; without it a datagram that nobody took is told by the next call. */
const ERRORS: Optional = {
  program: "connection_error",
  target: "inet_sk_error_report",
  isMissed: false,
};

const OPTIONAL: Readonly<Record<FrontEnd, readonly Optional[]>> = {
  tracepoint: [ERRORS],
  fexit: [
    ERRORS,
    { program: "connection_inet6_recv", target: "inet6_recvmsg", isMissed: true },
    { program: "connection_inet6_send", target: "inet6_sendmsg", isMissed: true },
    { program: "connection_mptcp_stream_accept", target: "mptcp_stream_accept", isMissed: false },
  ],
};

export class ConnectionsKernel implements Disposable {
  /** Programs that this kernel does not take. */
  readonly missing: string[] = [];
  readonly #object: BpfObject;
  readonly #links: BpfLink[] = [];
  readonly #calls: string[];
  #scanner: BpfIterator | undefined;

  /** `main`: the object with the ring, loaded. @throws BpfError or VerifierError; nothing stays behind then. */
  constructor(main: BpfObject, wish: ConnectionsWish, options: ConnectionsKernelOptions) {
    const bytes = readConnectionsObject();
    this.#object = new BpfObject(bytes, "connections");
    const isWhole = wish !== "cheap" || options.frontEnd === "fexit";
    this.#calls = isWhole ? [...CALLS[options.frontEnd]] : [];
    try {
      this.#object.share(main);
      const { ownPid, filtering } = options;
      setConstants(this.#object, bytes, { own_tgid: ownPid, filtering });
      this.#enable(options.frontEnd);
      this.#object.load();
      for (const program of ALWAYS) this.#links.push(this.#object.attach(program));
      for (const program of this.#calls) this.#links.push(this.#object.attach(program));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** All that is open now; what was not known is from now on. */
  scan(): ConnectionEvent[] {
    this.#scanner ??= this.#object.iterator("scan_connections");
    const bytes = this.#scanner.run();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const decoder = new ConnectionDecoder(view, buffer, new CommCache());
    const found: ConnectionEvent[] = [];
    for (let at = 0; at + CONNECTION_EVENT.size <= bytes.length; at += CONNECTION_EVENT.size) {
      const event = decoder.connection(at);
      if (event) found.push(event);
    }
    return found;
  }

  /** The socket with this address and inode is held by somebody. */
  isOpen(socket: number, inode: number): boolean {
    return this.#object.run("is_socket_open", wholeAddress(socket), BigInt(inode)) === 1;
  }

  /** undefined: there is no such entry any more. */
  counts(key: ConnectionKey): ConnectionCounts | undefined {
    const value = new DataView(new ArrayBuffer(CONNECTION.size));
    const { map, bytes } = this.#place(key);
    if (!map.lookup(bytes, new Uint8Array(value.buffer))) return undefined;
    if (wholeMicros(u64(value, CONNECTION.start_ns)) !== key.startNs) return undefined;
    return {
      sent: u64(value, CONNECTION.sent),
      received: u64(value, CONNECTION.received),
      finReceived: (value.getUint32(CONNECTION.flags, true) & CONNECTION_FLAG.fin_received) !== 0,
      lastNs: wholeMicros(u64(value, CONNECTION.last_ns)),
    };
  }

  /** Its end is not seen in the kernel: it makes room for others. */
  forget(key: ConnectionKey): void {
    if (this.counts(key) === undefined) return;
    const { map, bytes } = this.#place(key);
    map.delete(bytes);
  }

  /** Runs that the kernel skipped: an upper bound of what was not seen. Where there are two copies, both have to be skipped. */
  skippedRuns(): number {
    const misses = (program: string) => this.#object.misses(program);
    const once = this.#calls.reduce((sum, program) => sum + misses(program), 0);
    return TWINS.reduce((sum, name) => sum + Math.min(misses(name), misses(`${name}_twin`)), once);
  }

  detach(): void {
    disposeLinks(this.#links.splice(0));
  }

  [Symbol.dispose](): void {
    this.detach();
    this.#scanner?.[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }

  #place({ socket, destination }: ConnectionKey) {
    const whole = wholeAddress(socket);
    if (destination === undefined) {
      const bytes = new Uint8Array(new BigUint64Array([whole]).buffer);
      return { map: this.#object.map("connections"), bytes };
    }
    const key = new DataView(new ArrayBuffer(DESTINATION_KEY.size));
    key.setBigUint64(DESTINATION_KEY.socket, whole, true);
    key.setUint32(DESTINATION_KEY.port, destination.port, true);
    const bytes = new Uint8Array(key.buffer);
    bytes.set(parseAddress(destination.address), DESTINATION_KEY.address);
    return { map: this.#object.map("destinations"), bytes };
  }

  #enable(frontEnd: FrontEnd): void {
    for (const program of this.#calls) this.#object.enable(program);
    for (const { program, target, isMissed } of OPTIONAL[frontEnd]) {
      if (this.#isThere(program, target)) this.#calls.push(program);
      else if (isMissed) this.missing.push(program);
    }
  }

  #isThere(program: string, target: string): boolean {
    try {
      this.#object.enable(program, target);
      return true;
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      this.#object.disable(program);
      return false;
    }
  }
}

/** undefined: not asked for, or refused where the rest works without; what is missing is added to `missing`. @throws BpfError */
export function openConnections(
  main: BpfObject,
  options: ConnectionsKernelOptions & { readonly connections?: ConnectionsWish | undefined },
  missing: string[],
): ConnectionsKernel | undefined {
  if (options.connections === undefined) return undefined;
  try {
    const connections = new ConnectionsKernel(main, options.connections, options);
    missing.push(...connections.missing);
    return connections;
  } catch (error) {
    if (options.connections === "needed" || !(error instanceof BpfError)) throw error;
    missing.push("connections");
    return undefined;
  }
}
