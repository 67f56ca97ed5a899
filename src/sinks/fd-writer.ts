/** Text in, bytes at a file descriptor that may block, refuse (EAGAIN) or have lost its reader. */
import { closeSync, constants, fstatSync, openSync, readFileSync, write, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { errorCode, errorText, OutputError, ReaderGone } from "./errors.ts";
import { TextBuffer } from "./text-buffer.ts";

/** One write(2) that may block: a slow reader is to be seen reading in between (delivery/patience.ts). */
const MAX_BLOCKING_BYTES = 1 << 16;
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 20;

/**
 * Writes in order, each byte once. What is taken at once, as by files and by readers that keep up, is written at once;
 * the rest goes through Bun's thread pool: a reader that does not read blocks a thread there and not the event
 * loop, so signals are still heard. (A file system that hangs holds up the tool, as it does with -o FILE.) Short writes
 * and EAGAIN continue at the byte where they stopped. Fails once and for all with ReaderGone (EPIPE) or OutputError.
 */
export class FdWriter {
  readonly #fd: number;
  readonly #name: string;
  readonly #texts = new TextBuffer();
  /** Takes what it can at once, never blocks; undefined: there is no such way. */
  #promptFd: number | undefined;
  #written = 0;
  #running: Promise<void> | undefined;
  #failure: ReaderGone | OutputError | undefined;

  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.#name = name;
    this.#promptFd = promptFd(fd);
  }

  /** A promise means: the reader is behind, wait, and change nothing that `texts` are made from. It resolves when all
   * is written. */
  write(texts: Iterable<string>): void | Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#texts.add(texts);
    if (this.#running === undefined) this.#writePromptly();
    if (this.#texts.hasMore) return this.flush();
  }

  /** Resolves when everything written so far is with the kernel. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** As `flush`; nothing is written after it. */
  async end(): Promise<void> {
    try {
      await this.flush();
    } finally {
      const opened = this.#promptFd === this.#fd ? undefined : this.#promptFd;
      this.#promptFd = undefined;
      if (opened !== undefined) closeSync(opened);
    }
  }

  /** Bytes that are with the kernel: while it grows, somebody reads. */
  get written(): number {
    return this.#written;
  }

  /** Every further write rejects. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** True when nobody can read what would be written next. */
  readerGone(): boolean {
    return this.#failure instanceof ReaderGone || isPipeWithoutReader(this.#fd);
  }

  /** Writes what can be written now, and leaves the rest to `#running`. */
  #writePromptly(): void {
    for (let bytes = this.#texts.take(); bytes.length > 0; bytes = this.#texts.take()) {
      const rest = this.#takenPromptly(bytes);
      if (this.#failure !== undefined) return;
      if (rest.length === 0) continue;
      this.#running = this.#pump(rest);
      return;
    }
  }

  /** What is left of `bytes`. */
  #takenPromptly(bytes: Buffer): Buffer {
    let rest = bytes;
    try {
      while (rest.length > 0 && this.#promptFd !== undefined) {
        rest = this.#after(rest, writeSync(this.#promptFd, rest));
      }
    } catch (error) {
      if (!isRefusal(error)) this.#fail(error);
    }
    return rest;
  }

  /** Never rejects: what goes wrong is kept for the next call. */
  async #pump(first: Buffer): Promise<void> {
    try {
      for (let bytes = first; bytes.length > 0; bytes = this.#texts.take()) {
        await this.#writeAll(bytes);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#running = undefined;
    }
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    let rest = bytes;
    let retryMs = RETRY_MIN_MS;
    while (rest.length > 0) {
      try {
        rest = this.#after(rest, await writeSome(this.#fd, rest));
        retryMs = RETRY_MIN_MS;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        // The descriptor is non-blocking (its other holders may need it so): ask again soon.
        await Bun.sleep(retryMs);
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  }

  #after(bytes: Buffer, written: number): Buffer {
    this.#written += written;
    return bytes.subarray(written);
  }

  #fail(cause: unknown): void {
    this.#failure =
      errorCode(cause) === "EPIPE" || errorCode(cause) === "ECONNRESET"
        ? new ReaderGone(cause)
        : new OutputError(`Cannot write to ${this.#name}: ${errorText(cause)}`, {
            path: this.#name,
            cause,
          });
    this.#texts.clear();
  }
}

/** Nothing was written, and nothing is wrong. */
function isRefusal(error: unknown): boolean {
  const code = errorCode(error);
  return code === "EAGAIN" || code === "EINTR";
}

function writeSome(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, Math.min(MAX_BLOCKING_BYTES, bytes.length), null, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

/**
 * Files take everything. A pipe or terminal is opened once more, without waiting: to set O_NONBLOCK on `fd` itself
 * would set it for all who share it. Others, such as sockets, are not opened again.
 */
function promptFd(fd: number): number | undefined {
  const stats = fstatSync(fd);
  if (stats.isFile()) return fd;
  if (!(stats.isFIFO() || isatty(fd)) || !mayWrite(fd)) return undefined;
  try {
    return openAgain(fd);
  } catch {
    // another user's pipe or terminal, or its reader has gone: the next write tells
    return undefined;
  }
}

/** Opened again, a pipe that was given for reading only could be written by root. */
function mayWrite(fd: number): boolean {
  const [, flags = "0"] =
    /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8")) ?? [];
  return (Number.parseInt(flags, 8) & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
}

/**
 * Opening a pipe for writing without waiting fails with ENXIO exactly when no reader is left (fifo(7)),
 * and /proc/self/fd opens anonymous pipes too. Other kinds of file tell only by EPIPE at the next write.
 */
function isPipeWithoutReader(fd: number): boolean {
  try {
    if (fstatSync(fd).isFIFO()) closeSync(openAgain(fd));
    return false;
  } catch (error) {
    return errorCode(error) === "ENXIO";
  }
}

/** @throws ENXIO */
function openAgain(fd: number): number {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
}
