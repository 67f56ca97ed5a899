/** Instead of the kernel: what is listened to, written down. */
import { BpfError } from "../../../../ffi/errors.ts";
import type { TlsKernel } from "../../../../src/capture/tls/tls-kernel.ts";
import type { Analysis, FoundBy, Library, TlsStack } from "../../../../src/libraries/types.ts";
import { Libraries, type LibrariesParts } from "../../../../src/live/tls/libraries.ts";
import type { MappedFile } from "../../../../src/live/tls/mapped-files.ts";

export class FakeTlsKernel {
  /** Functions that are listened to, a line a tap. */
  readonly tapped: string[] = [];
  detached = 0;
  /** What it refuses to do next. */
  refuses: "open" | "tap" | undefined;

  open(): TlsKernel {
    if (this.refuses === "open") throw new BpfError("Cannot load", 1);
    const tap: TlsKernel["tap"] = (_, { probes }) => {
      if (this.refuses === "tap") throw new BpfError("Cannot attach", 2);
      this.tapped.push(probes.map((probe) => probe.function).join(" "));
      const detach = () => {
        this.detached += 1;
      };
      return { detach };
    };
    return Object.assign(Object.create(null), {
      tap,
      isLoaded: true,
      [Symbol.dispose]: () => undefined,
    });
  }
}

export function library(stack: TlsStack, over: Partial<Library> = {}): Library {
  const probe = (role: "read" | "write") =>
    ({ function: `${stack}_${role}`, role, entry: 64, returns: undefined }) as const;
  return {
    stack,
    buildId: undefined,
    abi: "c",
    foundBy: "symbols" satisfies FoundBy,
    version: undefined,
    calls: undefined,
    textAt: undefined,
    probes: [probe("read"), probe("write")],
    ...over,
  };
}

export function analysis(over: Partial<Analysis>): Analysis {
  return { buildId: undefined, libraries: [], notHeard: [], ...over };
}

/** A file that can be opened, under a key of its own. */
export function mapped(key: string, path: string): MappedFile {
  return { key, path, name: path, pid: undefined, inode: 0n };
}

export function makeLibraries(
  found: Analysis,
  kernel = new FakeTlsKernel(),
  over: Partial<LibrariesParts> = {},
) {
  const said: string[] = [];
  const libraries = new Libraries({
    open: () => kernel.open(),
    analyses: { of: () => ({ ...found, isKept: false }) },
    say: (text) => void said.push(text),
    nowNs: () => 1000,
    ...over,
  });
  return { libraries, kernel, said };
}
