/** Processes and what they map in, files to look into out: likely ones first, a few at a time. */
import { listProcesses } from "../../capture/proc.ts";
import type { KernelEvent } from "../../capture/types.ts";
import { RecentMap } from "../../recent-map.ts";
import type { Subject } from "../subject.ts";
import { filesOfCommand, knownFiles } from "./known-places.ts";
import type { Libraries } from "./libraries.ts";
import { type MappedFile, mappedFiles } from "./mapped-files.ts";

/** Where the kernel does not tell of files that are mapped: when a new program is looked at (ns after its exec). */
const LOOKS_NS = [5_000_000, 100_000_000, 1_000_000_000];
/** Files looked into and processes looked at per round, ms: the ring is drained in between. */
const SLICE_MS = 15;
/** Before a command is started, at most. */
const PREPARE_MS = 2000;
const CHECK_NS = 1_000_000_000;
/** Processes, and files, that wait: hosts that start thousands of programs a second exist. */
const MAX_WAITING = 16_384;
const MAX_COMMANDS = 1024;

/** A path from the root, or a name to be found by PATH: the same for everybody, mostly. */
const IS_SURE = /^(\/|[^/]+$)/;
/** Files that are looked into first. */
const LIKELY = /\/(lib(ssl|gnutls|nspr4|ssl3)|python|node|bun|deno|claude)[^/]*$|\/_ssl[^/]*$/;

export interface TapsParts {
  readonly libraries: Libraries;
  /** Whose own libraries are of no interest. */
  readonly ownPid: number;
  /** The kernel tells of files that are mapped to be run, each once. */
  readonly tellsFiles: boolean;
  /** It is to tell of it again. */
  readonly forgetFile: (file: Uint8Array) => void;
  /** CLOCK_BOOTTIME. */
  readonly nowNs: () => number;
}

interface Waiting {
  readonly file: MappedFile;
  /** What the kernel told of, on which it was found: to be told of again, should it be gone. */
  readonly told: readonly Uint8Array[];
}

const NOTHING: readonly Uint8Array[] = [];

/** A library belongs to a file, and a file that is listened to is so in every process that ever maps it. */
export class TlsTaps implements Subject, Disposable {
  readonly #parts: TapsParts;
  readonly #likely: Waiting[] = [];
  readonly #others: Waiting[] = [];
  /** Keys of those. */
  readonly #waiting = new Set<string>();
  /** Processes that wait for a look, by their ids, and what they mapped that the kernel told of. */
  readonly #looks = new Map<number, readonly Uint8Array[]>();
  /** Later ones, in no order. */
  #later: { readonly pid: number; readonly dueNs: number }[] = [];
  /** What processes called their programs, by their ids. */
  readonly #commands = new RecentMap<number, string>(MAX_COMMANDS);
  #checkNs = 0;

  constructor(parts: TapsParts) {
    this.#parts = parts;
  }

  /** All that runs now, and what is likely to, is to be looked at. */
  discover(): void {
    for (const file of knownFiles()) this.#add(file, NOTHING);
    for (const pid of listProcesses()) this.#wantLook(pid, NOTHING);
  }

  /** These are to be looked into. */
  want(files: readonly MappedFile[]): void {
    for (const file of files) this.#add(file, NOTHING);
  }

  /** A command is about to be started: what it is made of is looked into now. */
  prepare(command: string): void {
    for (const file of filesOfCommand(command)) this.#parts.libraries.lookInto(file, true);
    for (const file of knownFiles()) this.#add(file, NOTHING);
    this.#lookInto(performance.now() + PREPARE_MS, this.#likely);
  }

  observe(event: KernelEvent): void {
    if (event.kind === "mapped") this.#wantLook(event.pid, [event.file]);
    if (event.kind !== "exec") return;
    const [command] = event.commandLine;
    if (command !== undefined) this.#commands.set(event.pid, command);
    if (this.#parts.tellsFiles) return;
    if (this.#later.length > MAX_WAITING) return;
    for (const afterNs of LOOKS_NS) {
      this.#later.push({ pid: event.pid, dueNs: event.timeNs + afterNs });
    }
  }

  /** There is something to be done at once. */
  get isBusy(): boolean {
    if (this.#likely.length + this.#others.length + this.#looks.size > 0) return true;
    const nowNs = this.#parts.nowNs();
    return this.#later.some((each) => each.dueNs <= nowNs);
  }

  chores(nowNs: number): void {
    const untilMs = performance.now() + SLICE_MS;
    if (this.#later.length > 0) this.#takeDue(nowNs);
    this.#lookInto(untilMs, this.#likely);
    for (const [pid, told] of this.#looks) {
      if (performance.now() > untilMs) return;
      this.#looks.delete(pid);
      this.#look(pid, told);
    }
    this.#lookInto(untilMs, this.#others);
    if (nowNs < this.#checkNs) return;
    this.#checkNs = nowNs + CHECK_NS;
    this.#parts.libraries.checkChanged();
  }

  /** Hears nothing more. */
  [Symbol.dispose](): void {
    this.#parts.libraries[Symbol.dispose]();
  }

  #takeDue(nowNs: number): void {
    const isDue = ({ dueNs }: { readonly dueNs: number }) => dueNs <= nowNs;
    for (const { pid } of this.#later.filter(isDue)) this.#wantLook(pid, NOTHING);
    this.#later = this.#later.filter((each) => !isDue(each));
  }

  #wantLook(pid: number, told: readonly Uint8Array[]): void {
    if (pid === this.#parts.ownPid) return;
    const before = this.#looks.get(pid);
    if (before === undefined && this.#looks.size >= MAX_WAITING) this.#forget(told);
    else this.#looks.set(pid, [...(before ?? NOTHING), ...told]);
  }

  #look(pid: number, told: readonly Uint8Array[]): void {
    const mapped = mappedFiles(pid);
    for (const file of mapped) this.#add(file, told);
    if (mapped.length > 0) return;
    this.#forget(told);
    // it was over before it could be looked at, as it may be each time: its file is there for the next one
    const command = this.#commands.get(pid);
    if (command === undefined || !IS_SURE.test(command)) return;
    for (const file of filesOfCommand(command)) this.#add(file, NOTHING);
  }

  /** It was gone: the next process that maps it is to be told of. */
  #forget(told: readonly Uint8Array[]): void {
    for (const file of told) this.#parts.forgetFile(file);
  }

  #add(file: MappedFile, told: readonly Uint8Array[]): void {
    const { libraries } = this.#parts;
    if (this.#waiting.has(file.key) || libraries.isKnown(file.key)) return;
    if (this.#waiting.size >= MAX_WAITING) {
      this.#forget(told);
      return;
    }
    this.#waiting.add(file.key);
    (LIKELY.test(file.name) ? this.#likely : this.#others).push({ file, told });
  }

  #lookInto(untilMs: number, files: Waiting[]): void {
    const { libraries } = this.#parts;
    while (performance.now() < untilMs && !libraries.isLoading) {
      const [next] = files;
      if (next === undefined) return;
      const outcome = libraries.lookInto(next.file);
      if (outcome === "loading") return;
      files.shift();
      this.#waiting.delete(next.file.key);
      if (outcome === "gone") this.#forget(next.told);
    }
  }
}
