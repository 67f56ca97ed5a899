/** Text in, bytes at a file descriptor that may block, refuse (EAGAIN) or have lost its reader. */
import { closeSync, constants, fstatSync, openSync, write } from "node:fs";
import { errorCode, errorText, OutputError, ReaderGone } from "./errors.ts";

/** Beyond this, `write` asks its caller to wait. */
const HIGH_WATER_CHARS = 1 << 20;
/** Encoded at a time: big enough to cost nothing, small enough that a slow reader frees memory as it reads. */
const MAX_WRITE_CHARS = 1 << 20;
/** One write(2) into a pipe, which holds as much: a slow reader is seen to read. */
const MAX_PIPE_BYTES = 1 << 16;
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 20;

/**
 * Writes in order, each byte once, through Bun's thread pool: a reader that does not read blocks a thread
 * there and never the event loop, so signals are still heard. Short writes and EAGAIN continue at the byte
 * where they stopped. Fails once and for all with ReaderGone (EPIPE) or OutputError.
 */
export class FdWriter {
  readonly #fd: number;
  readonly #name: string;
  /** Bytes of one write(2). */
  readonly #most: number;
  #waiting: string[] = [];
  /** What did not fit below the high water: asked for as the reader reads, so that a long line is never copied as a whole. */
  readonly #sources: Iterator<string>[] = [];
  /** Characters that wait, and of the write under way. */
  #unwritten = 0;
  #written = 0;
  #running: Promise<void> | undefined;
  #failure: ReaderGone | OutputError | undefined;

  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.#name = name;
    this.#most = isFile(fd) ? Number.POSITIVE_INFINITY : MAX_PIPE_BYTES;
  }

  /** A promise means: the reader is behind, wait, and change nothing that `texts` are made from. It resolves when all
   * is written. */
  write(texts: Iterable<string>): void | Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#sources.push(texts[Symbol.iterator]());
    this.#pull();
    if (this.#waiting.length > 0) this.#running ??= this.#pump();
    if (this.#unwritten >= HIGH_WATER_CHARS) return this.flush();
  }

  /** Resolves when everything written so far is with the kernel. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Bytes that are with the kernel: while it grows, somebody reads. */
  get written(): number {
    return this.#written;
  }

  /** True when nobody can read what would be written next. */
  readerGone(): boolean {
    return this.#failure instanceof ReaderGone || isPipeWithoutReader(this.#fd);
  }

  /** Never rejects: what goes wrong is kept for the next call. */
  async #pump(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const text = this.#take();
        await this.#writeAll(Buffer.from(text));
        this.#unwritten -= text.length;
        this.#pull();
      }
    } catch (cause) {
      this.#failure =
        errorCode(cause) === "EPIPE" || errorCode(cause) === "ECONNRESET"
          ? new ReaderGone(cause)
          : new OutputError(`Cannot write to ${this.#name}: ${errorText(cause)}`, {
              path: this.#name,
              cause,
            });
      this.#waiting = [];
      this.#sources.length = 0;
      this.#unwritten = 0;
    } finally {
      this.#running = undefined;
    }
  }

  /** Takes texts up to the high water. */
  #pull(): void {
    for (let source = this.#sources[0]; source !== undefined; source = this.#sources[0]) {
      while (this.#unwritten < HIGH_WATER_CHARS) {
        const text = source.next();
        if (text.done === true) break;
        if (text.value !== "") this.#waiting.push(text.value);
        this.#unwritten += text.value.length;
      }
      if (this.#unwritten >= HIGH_WATER_CHARS) return;
      this.#sources.shift();
    }
  }

  /** The next texts, joined up to about MAX_WRITE_CHARS; always at least one. */
  #take(): string {
    let count = 0;
    let chars = 0;
    for (const text of this.#waiting) {
      if (count > 0 && chars + text.length > MAX_WRITE_CHARS) break;
      count += 1;
      chars += text.length;
    }
    return this.#waiting.splice(0, count).join("");
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    let offset = 0;
    let retryMs = RETRY_MIN_MS;
    while (offset < bytes.length) {
      try {
        const written = await writeSome(this.#fd, bytes, offset, this.#most);
        offset += written;
        this.#written += written;
        retryMs = RETRY_MIN_MS;
      } catch (error) {
        const code = errorCode(error);
        if (code !== "EAGAIN" && code !== "EINTR") throw error;
        // The descriptor is non-blocking (its other holders may need it so): ask again soon.
        await Bun.sleep(retryMs);
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  }
}

function isFile(fd: number): boolean {
  return fstatSync(fd).isFile();
}

function writeSome(fd: number, bytes: Buffer, offset: number, most: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, offset, Math.min(most, bytes.length - offset), null, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

/**
 * Opening a pipe for writing without waiting fails with ENXIO exactly when no reader is left (fifo(7)),
 * and /proc/self/fd opens anonymous pipes too. Other kinds of file tell only by EPIPE at the next write.
 */
function isPipeWithoutReader(fd: number): boolean {
  try {
    if (!fstatSync(fd).isFIFO()) return false;
    closeSync(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK));
    return false;
  } catch (error) {
    return errorCode(error) === "ENXIO";
  }
}
