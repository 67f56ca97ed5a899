/** What an output cannot do: the file or stream named, with the system's reason. */

/** An output refused to be opened or written. `path` is the file, or "standard output". */
export class OutputError extends Error {
  override readonly name = "OutputError";
  readonly path: string;
  /** The system's name of the reason ("ENOSPC"), or undefined when the refusal is ours. */
  readonly code: string | undefined;
  /** One line on what to do about it, for the CLI. */
  readonly hint: string | undefined;

  constructor(message: string, options: { path: string; cause?: unknown; hint?: string }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.path = options.path;
    this.code = errorCode(options.cause);
    this.hint = options.hint ?? HINTS[this.code ?? ""];
  }
}

/** The reader of a pipe is gone (`| head -1`): an orderly end, not a failure. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";

  constructor(cause?: unknown) {
    super("The reader of the output is gone", cause === undefined ? undefined : { cause });
  }
}

/** "ENOSPC" and the like from an error of the system; undefined for any other value. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return undefined;
}

/** The system's words for an error: "no space left on device", without the call and path around it. */
export function errorText(error: unknown): string {
  const code = errorCode(error);
  const text = code === undefined ? undefined : ERRNO_TEXT[code];
  if (text !== undefined) return `${text} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

/** What strerror(3) says for the errors that an output meets; Bun's own messages name the call instead. */
const ERRNO_TEXT: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "disk quota exceeded",
  EFBIG: "file too large",
  EIO: "input/output error",
  EISDIR: "is a directory",
  ELOOP: "is a symbolic link",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "a parent is not a directory",
  ENXIO: "no such device, or a named pipe without a reader",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
};

const HINTS: Readonly<Record<string, string>> = {
  EACCES: "write to a directory of your own, or run it by sudo",
  EDQUOT: "free some space or write elsewhere; what was written is whole lines",
  EISDIR: "name a file inside it",
  ELOOP: "name the file itself; a root tool never writes through a symbolic link",
  ENOENT: "make the directory first",
  ENOSPC: "free some space or write elsewhere; what was written is whole lines",
  EROFS: "write to another file system",
};
