/** Kernel time to wall clock: one offset for all lines, renewed when the wall clock was set. */
import { readClocks } from "../../ffi/host.ts";
import type { WallClock } from "../sinks/types.ts";
import type { Subject } from "./subject.ts";

const STEP_MICROS = 10_000;
const LOOK_NS = 2_000_000_000;

export class BootClock implements WallClock, Subject {
  readonly everyNs = LOOK_NS;
  #offsetMicros = BootClock.#measure();

  toUnixMicros(bootNs: number): number {
    return Math.floor(bootNs / 1000) + this.#offsetMicros;
  }

  nowNs(): number {
    return readClocks().bootNs;
  }

  /** Follows a wall clock that was set, ignores its slewing. */
  chores(): void {
    const measured = BootClock.#measure();
    if (Math.abs(measured - this.#offsetMicros) > STEP_MICROS) this.#offsetMicros = measured;
  }

  static #measure(): number {
    const { bootNs, realMicros } = readClocks();
    return Math.round(realMicros - bootNs / 1000);
  }
}
