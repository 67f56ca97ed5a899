/** A program in, where overhear probes the shared OpenSSL that it runs with out. */
import { closeSync, fstatSync, openSync } from "node:fs";
import { analyse } from "../../src/libraries/analyse.ts";
import { readElf } from "../../src/libraries/elf.ts";
import { FileView } from "../../src/libraries/file-view.ts";
import { unwrap } from "../../src/libraries/wrappers.ts";
import { readerOf } from "../../src/live/tls/analyses.ts";

export interface Probed {
  readonly library: string;
  /** Bytes of the file at which the functions begin that move bytes. */
  readonly offsets: readonly number[];
}

/** Throws when the program has no such library. */
export function probedIn(program: string): Probed {
  const listed = Bun.spawnSync(["ldd", program]).stdout.toString();
  const library = /libssl\.so\S* => (\S+)/.exec(listed)?.[1];
  if (library === undefined) throw new Error(`${program} runs with no shared OpenSSL: ${listed}`);
  const fd = openSync(library, "r");
  try {
    const read = readerOf(fd);
    const { size } = fstatSync(fd);
    const view = new FileView(read, size);
    const elf = readElf(view);
    const found = analyse(read, size).libraries.flatMap(({ probes }) => probes);
    const probes = elf === undefined ? found : unwrap(view, elf, found);
    const moving = probes.filter(({ role }) => /^(read|write)/.test(role));
    return { library, offsets: moving.map(({ entry }) => entry) };
  } finally {
    closeSync(fd);
  }
}
