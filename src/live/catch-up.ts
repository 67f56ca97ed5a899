/** The count of records that found no room in; what they were is told as soon as the ring is empty. */
import type { Kernel } from "../capture/kernel.ts";
import type { Accounts } from "./accounts.ts";
import type { Subject } from "./subject.ts";

export class CatchUp implements Subject {
  readonly #accounts: Pick<Accounts, "catchUp">;
  readonly #kernel: Pick<Kernel, "ringFullCount">;
  #ringFull = 0;

  constructor(accounts: Pick<Accounts, "catchUp">, kernel: Pick<Kernel, "ringFullCount">) {
    this.#accounts = accounts;
    this.#kernel = kernel;
  }

  chores(nowNs: number): void {
    const full = this.#kernel.ringFullCount();
    if (full !== this.#ringFull && this.#accounts.catchUp(nowNs)) this.#ringFull = full;
  }
}
