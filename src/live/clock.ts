/** Kernel time to wall clock: one offset for all lines, renewed when the wall clock was set. */
import { readClocks } from "../../ffi/host.ts";
import type { WallClock } from "../sinks/types.ts";

const STEP_MICROS = 10_000;

export class BootClock implements WallClock {
  #offsetMicros = BootClock.#measure();

  toUnixMicros(bootNs: number): number {
    return Math.floor(bootNs / 1000) + this.#offsetMicros;
  }

  nowNs(): number {
    return readClocks().bootNs;
  }

  /** A few times a minute: follows a wall clock that was set, ignores its slewing. */
  adjust(): void {
    const measured = BootClock.#measure();
    if (Math.abs(measured - this.#offsetMicros) > STEP_MICROS) this.#offsetMicros = measured;
  }

  static #measure(): number {
    const { bootNs, realMicros } = readClocks();
    return Math.round(realMicros - bootNs / 1000);
  }
}
