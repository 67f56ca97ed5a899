/** What the kernel side reports of programs and of who speaks TLS, decoded. */

/** A file was mapped to be run that was not told of before. */
export interface MappedEvent {
  readonly kind: "mapped";
  readonly pid: number;
  readonly timeNs: number;
  /** As the kernel's table of known files has it. */
  readonly file: Uint8Array;
}

/**
 * A process speaks TLS. tls-seen: its sockets say so. tls-unheard: it ended, and no library that is listened to was heard
 * of it. tls-strange: nothing that its libraries gave looks like HTTP or JSON.
 */
export interface TlsUserEvent {
  readonly kind: "tls-seen" | "tls-unheard" | "tls-strange";
  readonly pid: number;
  readonly timeNs: number;
  readonly startNs: number;
  readonly comm: string;
}
