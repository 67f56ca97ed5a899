/** DNS answers in; by which names an address was known, out. */
import { formatAddress } from "../../ip-address.ts";
import { RecentMap } from "../../recent-map.ts";
import type { HostName } from "../types.ts";
import { readDnsAnswer } from "./dns-answer.ts";

const MAX_ADDRESSES = 16_384;
/** Of one address: only a host of many sites has more at a time. */
const MAX_NAMES = 4;

export class NameBook {
  readonly #names = new RecentMap<string, readonly HostName[]>(MAX_ADDRESSES);

  learn(message: Buffer, timeNs: number): void {
    const answer = readDnsAnswer(message);
    if (answer === undefined) return;
    const fresh: HostName = { name: answer.name, source: "dns", timeNs };
    for (const bytes of answer.addresses) {
      const address = formatAddress(bytes);
      const others = this.namesOf(address).filter(({ name }) => name !== fresh.name);
      this.#names.set(address, [...others, fresh].slice(-MAX_NAMES));
    }
  }

  /** The latest last. */
  namesOf(address: string): readonly HostName[] {
    return this.#names.get(address) ?? [];
  }
}
