/** Who speaks or hears, in; which of its two kinds that is, out. */
import type { Party, Process } from "./capture/types.ts";

/** False for another host, of which only the address is known, and where nobody is known at all. */
export function isProcess(party: Party | undefined): party is Process {
  return party !== undefined && "pid" in party;
}
