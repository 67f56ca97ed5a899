/** Channels that are set aside in, the kernel's table of them, and of who would answer by them, kept out. */
import { ASIDE, ASIDE_SLOTS, IGNORED_SLOTS } from "./layout.ts";

export class IgnoredChannels {
  readonly #bss: DataView;
  readonly #ignoredAt: number;
  readonly #asidesAt: number;

  /** `offsetOf`: of a variable in the section. */
  constructor(bss: DataView, offsetOf: (name: string) => number) {
    this.#bss = bss;
    this.#ignoredAt = offsetOf("ignored");
    this.#asidesAt = offsetOf("asides");
  }

  has(address: bigint, generation: number): boolean {
    const at = this.#ignoredAt + slotOf(address) * 8;
    return this.#bss.getBigUint64(at, true) === keyOf(address, generation);
  }

  set(address: bigint, generation: number, ignored: boolean, writerPid?: number): void {
    const slot = slotOf(address);
    const key = keyOf(address, generation);
    const at = this.#ignoredAt + slot * 8;
    if (!ignored) {
      if (this.has(address, generation)) this.#bss.setBigUint64(at, 0n, true);
      return;
    }
    // first who lifts it: it is lifted by no question that comes between the two
    if (writerPid !== undefined) this.#watch(writerPid, slot, key);
    this.#bss.setBigUint64(at, key, true);
  }

  #watch(pid: number, slot: number, key: bigint): void {
    const at = this.#asidesAt + (pid & (ASIDE_SLOTS - 1)) * ASIDE.size;
    this.#bss.setUint32(at + ASIDE.tgid, 0, true);
    this.#bss.setBigUint64(at + ASIDE.key, key, true);
    this.#bss.setUint32(at + ASIDE.slot, slot, true);
    this.#bss.setUint32(at + ASIDE.tgid, pid, true);
  }
}

function slotOf(address: bigint): number {
  return Number(((address >> 6n) ^ (address >> 20n)) & BigInt(IGNORED_SLOTS - 1));
}

function keyOf(address: bigint, generation: number): bigint {
  return BigInt.asUintN(64, address + BigInt(generation));
}
