/** Texts in, kept in files that nobody but root reads or writes; and back, when they are what was kept. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import { join } from "node:path";

export const CACHE_FOLDER = "/var/cache/overhear";

/** More than an analysis takes. */
const MAX_BYTES = 256 * 1024;
/** Of 1 KiB each, or less. */
const MAX_ENTRIES = 1024;
/** What keys are made of: no path leads out of the folder. */
const KEY = /^[a-z0-9-]{1,200}$/;
const SUFFIX = ".json";
const DIGEST_HEX = 64;
const OTHERS = 0o077;

/** What cannot be read is not there, and what cannot be written is not kept: nothing here throws. */
export class CacheFolder {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes it where it is missing. undefined: it is somebody else's, or cannot be made. */
  static open(path = CACHE_FOLDER): CacheFolder | undefined {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch {
      // it is there, or its parent is not
    }
    return isPrivate(path) ? new CacheFolder(path) : undefined;
  }

  /** undefined: there is none, or what is there is not what was kept; that is thrown away. */
  read(key: string): string | undefined {
    if (!KEY.test(key)) return undefined;
    const path = this.#pathOf(key);
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
    try {
      const text = isOurs(fstatSync(fd)) ? readFileSync(fd, "utf8") : "";
      const end = text.indexOf("\n");
      const kept = text.slice(end + 1);
      if (end === DIGEST_HEX && text.slice(0, end) === digestOf(kept)) return kept;
    } catch {
      // unreadable is broken, too
    } finally {
      closeSync(fd);
    }
    remove(path);
    return undefined;
  }

  write(key: string, text: string): void {
    if (!KEY.test(key) || text.length + DIGEST_HEX >= MAX_BYTES) return;
    const path = this.#pathOf(key);
    const unfinished = `${path}.${process.pid}`;
    try {
      this.#makeRoom();
      const flags =
        constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      const fd = openSync(unfinished, flags, 0o600);
      try {
        writeSync(fd, `${digestOf(text)}\n${text}`);
      } finally {
        closeSync(fd);
      }
      renameSync(unfinished, path);
    } catch {
      remove(unfinished);
    }
  }

  #pathOf(key: string): string {
    return join(this.#path, `${key}${SUFFIX}`);
  }

  /** When it is full the oldest half goes. */
  #makeRoom(): void {
    const names = readdirSync(this.#path);
    if (names.length < MAX_ENTRIES) return;
    const ages = names.map((name) => {
      const path = join(this.#path, name);
      return { path, timeMs: lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 };
    });
    ages.sort((a, b) => a.timeMs - b.timeMs);
    for (const { path } of ages.slice(0, ages.length - MAX_ENTRIES / 2)) remove(path);
  }
}

/** A folder that none but this user can look into. */
function isPrivate(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return (
    stats?.isDirectory() === true &&
    stats.uid === process.geteuid?.() &&
    (stats.mode & OTHERS) === 0
  );
}

function isOurs(stats: Stats): boolean {
  return (
    stats.isFile() &&
    stats.uid === process.geteuid?.() &&
    (stats.mode & OTHERS) === 0 &&
    stats.size <= MAX_BYTES
  );
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // somebody made a folder of it: it is in nobody's way
  }
}

function digestOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
