/** Files that programs run in; those of them that have a TLS library are listened to, and what is not says why. */
import { closeSync, fstatSync } from "node:fs";
import { BpfError } from "../../../ffi/errors.ts";
import type { Tap, TlsKernel } from "../../capture/tls/tls-kernel.ts";
import { readElf } from "../../libraries/elf.ts";
import { FileView } from "../../libraries/file-view.ts";
import type { Library, TlsStack } from "../../libraries/types.ts";
import { unwrap } from "../../libraries/wrappers.ts";
import { RecentMap } from "../../recent-map.ts";
import { type Analyses, readerOf } from "./analyses.ts";
import { hearingOf } from "./hearable.ts";
import type { MappedFile } from "./mapped-files.ts";
import { openMapped } from "./open-mapped.ts";

const MAX_FILES = 16_384;
/** Descriptors are kept open for them, to see that they stay as they are. */
const MAX_TAPPED = 256;
/** Different processes to which a library that was found without its names gave nothing that is listened for. */
const MOST_STRANGE = 3;

/** What is known of one stack in a file. */
export interface StackState {
  readonly stack: TlsStack;
  /** refused: the kernel did not let it be listened to. */
  readonly state: "heard" | "unheard" | "refused";
  /** Since when it is so, CLOCK_BOOTTIME. */
  readonly sinceNs: number;
}

interface Tapped {
  readonly file: MappedFile;
  readonly fd: number;
  /** When it was listened to. */
  readonly identity: string;
  readonly taps: readonly Tap[];
  /** It was found by guessing well. */
  readonly isNameless: boolean;
  /** Processes to which it gave nothing that is listened for. */
  readonly strange: Set<number>;
}

export interface LibrariesParts {
  /** Begins to load the programs: called when the first library is found. @throws BpfError */
  readonly open: () => TlsKernel;
  readonly analyses: Pick<Analyses, "of">;
  /** What is heard and what is not, for those who want to know. */
  readonly say: (text: string) => void;
  /** CLOCK_BOOTTIME. */
  readonly nowNs: () => number;
}

export class Libraries implements Disposable {
  readonly #parts: LibrariesParts;
  #kernel: TlsKernel | undefined;
  /** Why there is none. */
  #refusal: BpfError | undefined;
  /** Files that were looked into, by their keys. */
  readonly #known = new RecentMap<string, readonly StackState[]>(MAX_FILES);
  readonly #tapped = new Map<string, Tapped>();
  /** Files that were not let be listened to. */
  refused = 0;

  constructor(parts: LibrariesParts) {
    this.#parts = parts;
  }

  isKnown(key: string): boolean {
    return this.#known.get(key) !== undefined;
  }

  /** Empty: there is none in this file, or it was not looked into. */
  stacksIn(key: string): readonly StackState[] {
    return this.#known.get(key) ?? NONE;
  }

  /** The programs are being loaded, since a library was found: there is no use in looking into more files until they are. */
  get isLoading(): boolean {
    return this.#kernel?.isLoaded === false;
  }

  /** "loading": it has a library, for which the programs are being loaded; to be asked again. `patiently`: waits for that. */
  lookInto(file: MappedFile, patiently = false): "done" | "gone" | "loading" {
    if (this.isKnown(file.key)) return "done";
    const fd = openMapped(file);
    if (fd === undefined) return "gone";
    let isKept = false;
    try {
      const { libraries, notHeard } = this.#parts.analyses.of(fd);
      const heard = libraries.filter((each) => hearingOf(each).kind === "heard");
      if (heard.length > 0 && !patiently && this.#beginLoading()) return "loading";
      const unheard = [
        ...libraries.filter((each) => hearingOf(each).kind === "unheard"),
        ...notHeard,
      ].map(({ stack }) => this.#state(stack, "unheard"));
      const tapped = heard.length === 0 ? undefined : this.#tap(file, fd, heard);
      isKept = tapped !== undefined;
      const state = tapped === undefined ? "refused" : "heard";
      this.#known.set(file.key, [
        ...heard.map(({ stack }) => this.#state(stack, state)),
        ...unheard,
      ]);
      return "done";
    } finally {
      if (!isKept) closeSync(fd);
    }
  }

  /**
   * What these libraries gave to a process looks like nothing that is listened for. One that was found without its names
   * is let go when that is so for several. `isProven`: of a process whose files these are, that it was otherwise there.
   */
  strange(pid: number, keys: readonly string[], isProven: (key: string) => boolean): string[] {
    const gone: string[] = [];
    for (const key of keys) {
      const tapped = this.#tapped.get(key);
      if (!tapped?.isNameless) continue;
      tapped.strange.add(pid);
      if (tapped.strange.size < MOST_STRANGE) continue;
      tapped.strange.clear();
      if (isProven(key)) continue;
      this.#letGo(key, tapped, "unheard");
      this.#parts.say(
        `overhear: does not hear what is encrypted in "${tapped.file.name}" any more: it gave nothing that looks like HTTP`,
      );
      gone.push(tapped.file.name);
    }
    return gone;
  }

  /** Files that were written anew in their place: the probes are where other code is by now. */
  checkChanged(): void {
    for (const [key, tapped] of this.#tapped) {
      if (identityOf(tapped.fd) === tapped.identity) continue;
      this.#letGo(key, tapped, undefined);
      this.#parts.say(`overhear: "${tapped.file.name}" was changed, and is looked into again`);
    }
  }

  [Symbol.dispose](): void {
    this.#kernel?.[Symbol.dispose]();
    this.#kernel = undefined;
    for (const { fd } of this.#tapped.values()) closeSync(fd);
    this.#tapped.clear();
  }

  #state(stack: TlsStack, state: StackState["state"]): StackState {
    return { stack, state, sinceNs: this.#parts.nowNs() };
  }

  /** `state`: what its stacks are from now on; undefined: not known. */
  #letGo(key: string, { taps, fd }: Tapped, state: "unheard" | undefined): void {
    for (const tap of taps) tap.detach();
    closeSync(fd);
    this.#tapped.delete(key);
    const stacks = this.stacksIn(key);
    this.#known.delete(key);
    if (state !== undefined)
      this.#known.set(
        key,
        stacks.map(({ stack }) => this.#state(stack, state)),
      );
  }

  #tap(file: MappedFile, fd: number, libraries: readonly Library[]): Tapped | undefined {
    const taps: Tap[] = [];
    try {
      const kernel = this.#open();
      const read = readerOf(fd);
      const view = new FileView(read, fstatSync(fd).size);
      const elf = readElf(view);
      // the file that was looked into, whatever its name stands for by now
      const path = `/proc/self/fd/${fd}`;
      for (const library of libraries) {
        const probes = elf === undefined ? library.probes : unwrap(view, elf, library.probes);
        taps.push(kernel.tap(path, { ...library, probes }));
      }
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      for (const tap of taps) tap.detach();
      this.refused += 1;
      this.#parts.say(
        `overhear: does not hear what is encrypted in "${file.name}": ${error.message}`,
      );
      return undefined;
    }
    const isNameless = libraries.every(({ foundBy }) => foundBy === "error-sites");
    const identity = identityOf(fd);
    const tapped = { file, fd, identity, taps, isNameless, strange: new Set<number>() };
    this.#tapped.set(file.key, tapped);
    const stacks = libraries.map((each) => each.stack).join(", ");
    this.#parts.say(`overhear: hears what is encrypted in "${file.name}" (${stacks})`);
    return tapped;
  }

  /** False: there is nothing to wait for. */
  #beginLoading(): boolean {
    try {
      this.#open();
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
    }
    return this.isLoading;
  }

  /** @throws BpfError */
  #open(): TlsKernel {
    if (this.#refusal) throw this.#refusal;
    if (this.#tapped.size >= MAX_TAPPED) {
      throw new BpfError(`Cannot listen to more than ${MAX_TAPPED} files`, ENFILE);
    }
    try {
      this.#kernel ??= this.#parts.open();
      return this.#kernel;
    } catch (error) {
      if (error instanceof BpfError) this.#refusal = error;
      throw error;
    }
  }
}

const NONE: readonly StackState[] = [];
const ENFILE = 23;

/** Another one when what the file holds may be other code. */
function identityOf(fd: number): string {
  const { size, mtimeNs } = fstatSync(fd, { bigint: true });
  return `${size} ${mtimeNs}`;
}
