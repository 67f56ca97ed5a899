/** An open file in; what it encrypts with out: looked for once, and kept. */
import { type BigIntStats, fstatSync, readSync } from "node:fs";
import { analyse } from "../../libraries/analyse.ts";
import {
  keyOfBuildId,
  keyOfFile,
  readCached,
  readLike,
  writeCached,
} from "../../libraries/cached.ts";
import { readElf } from "../../libraries/elf.ts";
import { FileView } from "../../libraries/file-view.ts";
import type { Analysis, ReadAt } from "../../libraries/types.ts";
import { RecentMap } from "../../recent-map.ts";
import type { CacheFolder } from "./cache-folder.ts";

/** Smaller files are looked through as fast as what was kept of them is read (bytes). */
const MIN_KEPT = 1 << 20;
/** Different builds of one runtime. */
const MAX_LIKE = 64;

export interface Found extends Analysis {
  /** What was kept of an earlier look. */
  readonly isKept: boolean;
}

export class Analyses {
  readonly #folder: Pick<CacheFolder, "read" | "write"> | undefined;
  /** By build id, for hosts that have no folder. */
  readonly #like = new RecentMap<string, Analysis>(MAX_LIKE);

  /** `folder`: where large files' analyses are kept from one run to the next. */
  constructor(folder: Pick<CacheFolder, "read" | "write"> | undefined) {
    this.#folder = folder;
  }

  /** Never throws, whatever the file holds; bytes that cannot be read are as if they were not there. */
  of(fd: number): Found {
    const stats = fstatSync(fd, { bigint: true });
    const size = Number(stats.size);
    const read = readerOf(fd);
    if (size < MIN_KEPT) return { ...analyse(read, size), isKept: false };
    const key = keyOf(stats);
    const kept = this.#folder?.read(key);
    const known = kept === undefined ? undefined : readCached(kept, key, read, size);
    if (known !== undefined) return { ...known, isKept: true };
    const buildId = readElf(new FileView(read, size))?.buildId;
    const analysis = analyse(read, size, this.#likeOf(buildId, size));
    // replaced meanwhile: that it is as it was when the look began is what the key says
    if (keyOf(fstatSync(fd, { bigint: true })) === key) this.#keep(key, analysis, read, size);
    return { ...analysis, isKept: false };
  }

  #likeOf(buildId: string | undefined, size: number): Analysis | undefined {
    if (buildId === undefined) return undefined;
    const key = keyOfBuildId(buildId);
    const known = this.#like.get(key);
    if (known !== undefined) return known;
    const kept = this.#folder?.read(key);
    return kept === undefined ? undefined : readLike(kept, key, size);
  }

  #keep(key: string, analysis: Analysis, read: ReadAt, size: number): void {
    this.#folder?.write(key, writeCached(analysis, key, read, size));
    const isOfUse = analysis.libraries.some(({ foundBy }) => foundBy === "error-sites");
    if (analysis.buildId === undefined || !isOfUse) return;
    const like = keyOfBuildId(analysis.buildId);
    if (this.#like.get(like) !== undefined) return;
    this.#like.set(like, analysis);
    this.#folder?.write(like, writeCached(analysis, like, read, size));
  }
}

function keyOf(stats: BigIntStats): string {
  return keyOfFile({
    device: stats.dev,
    inode: stats.ino,
    size: stats.size,
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
  });
}

/** Reads of an open file; what fails reads as its end. */
export function readerOf(fd: number): ReadAt {
  return (into, at) => {
    try {
      return readSync(fd, into, 0, into.length, at);
    } catch {
      return 0;
    }
  };
}
