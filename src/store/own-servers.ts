/** Processes in, which of them are servers of overhear itself out: what is asked of those is not stored. */
import type { Endpoint, Party, Process } from "../capture/types.ts";
import { isProcess } from "../party.ts";

export class OwnServers {
  readonly #known = new WeakMap<Process, boolean>();
  readonly #isOwn: (process: Process) => boolean;
  readonly #isOwnEnd: (end: Endpoint) => boolean;
  /** Sessions with them so far. */
  sessions = 0;

  /** `isOwnEnd`: this process, of which the kernel tells nothing, serves there. */
  constructor(isOwn: (process: Process) => boolean, isOwnEnd: (end: Endpoint) => boolean) {
    this.#isOwn = isOwn;
    this.#isOwnEnd = isOwnEnd;
  }

  isAt(end: Endpoint | undefined): boolean {
    return end !== undefined && this.#isOwnEnd(end);
  }

  has(party: Party | undefined): boolean {
    if (!isProcess(party)) return false;
    const known = this.#known.get(party);
    if (known !== undefined) return known;
    const isOwn = this.#isOwn(party);
    this.#known.set(party, isOwn);
    return isOwn;
  }
}
