/** Waiting without spinning and without blocking the event loop: the ring's wake pipe, a timer, or a stop. */
import type { RingBuffer } from "../../ffi/ring-buffer.ts";

export class Wake {
  readonly #ring: RingBuffer;
  #armed = false;
  #wakeUp: (() => void) | undefined;

  constructor(ring: RingBuffer) {
    this.#ring = ring;
    void this.#listen();
  }

  /** Returns when there are records, after `mostMs`, or when poked; at once when records are there already. */
  async wait(mostMs: number): Promise<void> {
    if (!this.#armed) {
      if (!this.#ring.sleep()) return;
      this.#armed = true;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
      timer = setTimeout(resolve, mostMs);
    });
    clearTimeout(timer);
    this.#wakeUp = undefined;
  }

  poke(): void {
    this.#wakeUp?.();
  }

  async #listen(): Promise<void> {
    // a stream is the one way Bun waits on a pipe without blocking or spinning
    for await (const _ of Bun.file(this.#ring.wakeFd).stream()) {
      this.#armed = false;
      this.#wakeUp?.();
    }
  }
}
