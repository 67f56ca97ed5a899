/** Whole lines in, one file that holds whole lines out; opened so that root cannot be led astray. */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  readSync,
  type Stats,
  writeSync,
} from "node:fs";
import { errorText, OutputError } from "./errors.ts";
import { type FileOwner, openOwned, refuseHardLinks } from "./owned-file.ts";

const NEWLINE = 0x0a;
/** O_NONBLOCK: opening a named pipe that nobody reads must not hang; it changes nothing for files. */
const OPEN_FLAGS =
  constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A file that is appended to. A new one is made with mode 0600 and given to `owner`. The last part of the
 * path is never followed when it is a symbolic link; the directories above it are the caller's choice.
 * Throws OutputError, and then the file ends with the last line that fitted whole.
 */
export class OutputFile implements Disposable {
  readonly path: string;
  #fd: number;
  #size: number;
  /** Bytes at its end that are the beginning of a line. */
  #unfinished = 0;
  readonly #isRegular: boolean;

  constructor(path: string, owner: FileOwner | undefined) {
    this.path = path;
    try {
      this.#fd = openOwned(path, OPEN_FLAGS, owner);
    } catch (cause) {
      throw new OutputError(`Cannot open "${path}": ${errorText(cause)}`, { path, cause });
    }
    try {
      const stats = fstatSync(this.#fd);
      checkKind(path, stats);
      this.#isRegular = stats.isFile();
      this.#size = this.#isRegular ? stats.size : 0;
      // A line torn by a crash becomes a line of its own, not the beginning of ours.
      if (this.#size > 0 && lastByte(this.#fd, this.#size) !== NEWLINE)
        this.append(Buffer.from("\n"));
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** False: a device, such as /dev/null. */
  get isRegular(): boolean {
    return this.#isRegular;
  }

  /** Bytes in the file; 0 for a device. */
  get size(): number {
    return this.#size;
  }

  /** Appends lines. The last may be the beginning of one that goes on with the next call. */
  append(bytes: Buffer): void {
    let offset = 0;
    try {
      while (offset < bytes.length) offset += writeSync(this.#fd, bytes, offset);
    } catch (cause) {
      this.#dropTornLine(bytes, offset);
      throw new OutputError(`Cannot write to "${this.path}": ${errorText(cause)}`, {
        path: this.path,
        cause,
      });
    }
    if (!this.#isRegular) return;
    this.#size += bytes.length;
    const lineEnd = bytes.lastIndexOf(NEWLINE);
    this.#unfinished = lineEnd < 0 ? this.#unfinished + bytes.length : bytes.length - lineEnd - 1;
  }

  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    try {
      closeSync(fd);
    } catch (cause) {
      throw new OutputError(`Cannot close "${this.path}": ${errorText(cause)}`, {
        path: this.path,
        cause,
      });
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** `written`: how many of `bytes` are in the file. Cuts it back to its last whole line. */
  #dropTornLine(bytes: Buffer, written: number): void {
    const lineEnd = bytes.subarray(0, written).lastIndexOf(NEWLINE);
    const whole = lineEnd < 0 ? -this.#unfinished : lineEnd + 1;
    if (!this.#isRegular || whole === written) return;
    try {
      // Only what this run wrote may be cut off: another writer may have appended since.
      if (fstatSync(this.#fd).size !== this.#size + written) return;
      ftruncateSync(this.#fd, this.#size + whole);
      this.#size += whole;
      this.#unfinished = 0;
    } catch {
      // The error of the write is the one to report; the torn line is all that remains of it.
    }
  }
}

function checkKind(path: string, stats: Stats): void {
  if (!stats.isFile() && !stats.isCharacterDevice()) {
    throw new OutputError(`Cannot write to "${path}": is no regular file, one wanted`, {
      path,
      hint: 'name a file, or write to a pipe with "-o -"',
    });
  }
  if (stats.isFile()) refuseHardLinks(path, stats);
}

function lastByte(fd: number, size: number): number | undefined {
  const byte = Buffer.alloc(1);
  return readSync(fd, byte, 0, 1, size - 1) === 1 ? byte[0] : undefined;
}
