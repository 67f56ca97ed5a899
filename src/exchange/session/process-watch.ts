/** Which sessions a process takes part in, so that its exit reaches them. */
import type { Party, Process } from "../../capture/types.ts";
import { isProcess } from "../../party.ts";
import type { SessionState } from "./session-state.ts";

const NONE: readonly SessionState[] = [];

export class ProcessWatch {
  readonly #byProcess = new Map<Process, Set<SessionState>>();

  get size(): number {
    return this.#byProcess.size;
  }

  /** Another host's end is not seen. */
  add(state: SessionState, party: Party | undefined): void {
    if (!isProcess(party) || state.isWatching(party)) return;
    state.processes.push(party);
    const states = this.#byProcess.get(party);
    if (states === undefined) this.#byProcess.set(party, new Set([state]));
    else states.add(state);
  }

  sessionsOf(party: Party | undefined): Iterable<SessionState> {
    return isProcess(party) ? (this.#byProcess.get(party) ?? NONE) : NONE;
  }

  remove(state: SessionState): void {
    for (const process of state.processes) {
      const states = this.#byProcess.get(process);
      if (states?.delete(state) && states.size === 0) this.#byProcess.delete(process);
    }
  }
}
