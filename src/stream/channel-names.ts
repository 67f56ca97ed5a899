/** Names of channels that are unique in a run, from inode numbers that are not. */
import type { ChannelKind } from "../capture/types.ts";
import { RecentMap } from "../recent-map.ts";

const MAX_NAMES = 65_536;

export class ChannelNames {
  readonly #times = new RecentMap<string, number>(MAX_NAMES);

  /** "pipe:4711"; "pipe:4711-2" when the number comes again, after 2^32 others or with each opening of a named pipe. */
  next(kind: ChannelKind, inode: number): string {
    const name = `${kind.startsWith("unix") ? "unix" : kind}:${inode}`;
    const times = (this.#times.get(name) ?? 0) + 1;
    this.#times.set(name, times);
    return times === 1 ? name : `${name}-${times}`;
  }
}
