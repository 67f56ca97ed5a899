/** Errors of libbpf and the kernel, with the operation that failed. */
import { getSystemErrorName } from "node:util";

export class BpfError extends Error {
  override readonly name: string = "BpfError";
  /** Positive; 4000 and above are libbpf's own. */
  readonly errno: number;
  readonly op: string;

  constructor(op: string, errno: number, options?: ErrorOptions) {
    super(`${op}: ${errnoName(errno)}`, options);
    this.op = op;
    this.errno = errno;
  }

  /** Why, in one line. */
  get reason(): string {
    return errnoName(this.errno);
  }
}

/** The verifier refused a program; `log` is the end of what it said. */
export class VerifierError extends BpfError {
  override readonly name = "VerifierError";
  readonly log: string;

  constructor(op: string, errno: number, log: string, options?: ErrorOptions) {
    super(op, errno, options);
    this.log = log;
  }

  /** The line that the verifier ends with: behind it come only its statistics. */
  override get reason(): string {
    const lines = this.log.split("\n").map((line) => line.trim());
    const end = lines.findIndex((line) => line.startsWith("processed "));
    const said = end > 0 ? lines[end - 1] : undefined;
    return said ? `${errnoName(this.errno)}, "${said.slice(0, 160)}"` : errnoName(this.errno);
  }
}

/** "EPERM"; "errno 524" for what has no name in user space (524 is the kernel's ENOTSUPP). */
export function errnoName(errno: number): string {
  if (errno === 524) return "ENOTSUPP";
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}
