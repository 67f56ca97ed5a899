/** What an executable or a shared object encrypts with, and at which bytes of the file its functions begin. */

export type TlsStack =
  | "openssl"
  | "boringssl"
  | "gnutls"
  | "nss"
  | "go"
  | "dotnet"
  | "rustls"
  | "java";

/**
 * What a function does, named after its arguments.
 * - read, write: (connection, buffer, length) gives how many bytes were moved, no data below 1.
 * - read_ex, write_ex: (connection, buffer, length, *moved) gives 1 where `*moved` bytes were.
 * - set_fd, set_rfd, set_wfd: (connection, fd); set_fds: (connection, fd to read, fd to write).
 * - set_bio: (connection, BIO to read, BIO to write).
 * - import_fd: (model, descriptor) gives the connection.
 * - free: (connection).
 * A Go method's connection is its receiver, and its buffer is a slice: pointer, length, capacity.
 */
export type Role =
  | "read"
  | "write"
  | "read_ex"
  | "write_ex"
  | "set_fd"
  | "set_rfd"
  | "set_wfd"
  | "set_fds"
  | "set_bio"
  | "import_fd"
  | "free";

export interface Probe {
  /** As its own stack calls it: "SSL_write_ex", "crypto/tls.(*Conn).Read". */
  readonly function: string;
  readonly role: Role;
  /** Byte of the file at which the function's first instruction is. */
  readonly entry: number;
  /** Bytes of the file of all its return instructions. undefined: its return address may be replaced (uretprobe). */
  readonly returns: readonly number[] | undefined;
}

/** How arguments are passed: by the machine's C convention, or by one of Go's two. */
export type Abi = "c" | "go-register" | "go-stack";

/** By names, by where errors are raised with file and line, or by Go's table of functions. */
export type FoundBy = "symbols" | "error-sites" | "pclntab";

export interface Library {
  readonly stack: TlsStack;
  /** Lower-case hexadecimal, of the file. undefined: it has none. */
  readonly buildId: string | undefined;
  readonly abi: Abi;
  readonly foundBy: FoundBy;
  /** Of Go: "go1.26.8". undefined: not told by the file. */
  readonly version: string | undefined;
  /** A stack inside whose calls these calls are made: where it is heard, these need not be, or all is heard twice. */
  readonly calls: TlsStack | undefined;
  /** Byte of the file at which the name stands that its errors tell. undefined: it was found otherwise. */
  readonly textAt: number | undefined;
  readonly probes: readonly Probe[];
}

/** A stack that is there and whose functions cannot be named for sure. `reason` completes "is not heard: …". */
export interface NotHeard {
  readonly stack: TlsStack;
  readonly reason: string;
}

export interface Analysis {
  readonly buildId: string | undefined;
  readonly libraries: readonly Library[];
  readonly notHeard: readonly NotHeard[];
}

/**
 * Copies bytes of the file from `position` on into `into`, at most its length; gives how many, 0 at the end or where
 * they cannot be read. As `readSync` does: a view of the file in memory would end the process when the file is cut.
 */
export type ReadAt = (into: Buffer, position: number) => number;
