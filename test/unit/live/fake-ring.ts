/** A ring of a test's making: each span of records that it is given is found by one look; its waits end at once. */
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RecordRing } from "../../../src/live/records.ts";
import type { Waiting } from "../../../src/live/wake.ts";
import { inRing } from "../capture/records.ts";

const ROOM = 1 << 16;

export class FakeRing implements RecordRing, Waiting, Disposable {
  readonly bytes = new Uint8Array(ROOM);
  readonly view = new DataView(this.bytes.buffer);
  readonly size = ROOM;
  readonly start = 0;
  readonly wakeFd: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "overhear-test-"));
  readonly #writeFd: number;
  readonly #spans: Buffer[] = [];
  #acquired = false;
  /** Called when all has been taken. */
  onEmpty: () => void = () => undefined;

  constructor() {
    const fifo = join(this.#folder, "wake");
    if (Bun.spawnSync(["mkfifo", fifo]).exitCode !== 0) throw new Error("mkfifo failed");
    this.wakeFd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#writeFd = openSync(fifo, constants.O_WRONLY);
  }

  add(...records: readonly Buffer[]): void {
    this.#spans.push(Buffer.concat(records.map((each) => inRing(each))));
  }

  acquire(): number {
    const span = this.#spans[0];
    if (span === undefined) return 0;
    this.bytes.set(span);
    this.#acquired = true;
    return span.length;
  }

  release(): void {
    if (this.#acquired) this.#spans.shift();
    this.#acquired = false;
  }

  pending(): number {
    return this.#spans.reduce((sum, each) => sum + each.length, 0);
  }

  /** Never: who would sleep looks again. */
  sleep(): boolean {
    if (this.#spans.length === 0) this.onEmpty();
    return false;
  }

  wait(): "records" | "none" {
    if (this.#spans.length > 0) return "records";
    this.onEmpty();
    return "none";
  }

  [Symbol.dispose](): void {
    closeSync(this.#writeFd);
    rmSync(this.#folder, { recursive: true });
  }
}
