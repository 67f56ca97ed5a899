/** Who reads a channel in, who shares the line that is under way out. */
import type { Party } from "../../capture/types.ts";

/** Who shares a line is named, up to this many. */
const MAX_OTHERS = 8;
const NOBODY: readonly Party[] = [];

export class Readers {
  /** Who read last. */
  last: Party | undefined;
  #earlier: readonly Party[] = NOBODY;

  /** `isInLine`: a part of the line was read before. */
  begin(reader: Party, isInLine: boolean): void {
    const before = this.last;
    if (before === reader) return;
    this.last = reader;
    if (before === undefined || !isInLine || this.#earlier.length >= MAX_OTHERS) return;
    if (!this.#earlier.includes(before)) this.#earlier = [...this.#earlier, before];
  }

  /** Who read parts of the line besides the last one. */
  get others(): readonly Party[] {
    return this.#earlier === NOBODY
      ? NOBODY
      : this.#earlier.filter((reader) => reader !== this.last);
  }

  startLine(): void {
    this.#earlier = NOBODY;
  }
}
