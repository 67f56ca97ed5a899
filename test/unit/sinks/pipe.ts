/** A named pipe with both ends open in this process: what a reader does is up to the test. */
import { closeSync, constants, openSync, read } from "node:fs";
import { TemporaryFolder } from "./temporary-folder.ts";

export class Pipe implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly writeFd: number;
  #readFd: number;

  constructor(writeFlags: number = 0) {
    const path = this.#folder.at("pipe");
    if (Bun.spawnSync(["mkfifo", path]).exitCode !== 0) throw new Error("mkfifo failed");
    this.#readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writeFd = openSync(path, constants.O_WRONLY | writeFlags);
  }

  /** What is in the pipe now, at most `bytes`; empty when there is nothing. */
  read(bytes: number): Promise<Buffer> {
    const buffer = Buffer.alloc(bytes);
    return new Promise((resolve, reject) => {
      read(this.#readFd, buffer, 0, bytes, null, (error, count) => {
        if (error === null) resolve(buffer.subarray(0, count));
        else if ("code" in error && error.code === "EAGAIN") resolve(Buffer.alloc(0));
        else reject(error);
      });
    });
  }

  closeReader(): void {
    if (this.#readFd >= 0) closeSync(this.#readFd);
    this.#readFd = -1;
  }

  [Symbol.dispose](): void {
    this.closeReader();
    closeSync(this.writeFd);
    this.#folder[Symbol.dispose]();
  }
}
