/** The kernel in; what looks after TLS in a live run out: what is listened to, and what is not and why. */
import type { Kernel, TlsOptions } from "../../capture/kernel.ts";
import type { TlsUsers } from "../../capture/tls/tls-users.ts";
import type { Process } from "../../capture/types.ts";
import type { CoverageLine } from "../../exchange/types.ts";
import type { Subject } from "../subject.ts";
import { Analyses } from "./analyses.ts";
import { CACHE_FOLDER, CacheFolder } from "./cache-folder.ts";
import { Libraries } from "./libraries.ts";
import type { MappedFile } from "./mapped-files.ts";
import { TlsSpeakers } from "./speakers.ts";
import { TlsStrangers } from "./strangers.ts";
import { TlsTaps } from "./taps.ts";

export type TlsUserSource = Pick<TlsUsers, "at" | "known" | "forgetFile">;

/** What of the kernel it needs. */
export type TlsSource = Pick<Kernel, "openTls" | "tellsFiles"> & {
  readonly tlsUsers: TlsUserSource;
};

export interface TlsHearingParts {
  readonly kernel: TlsSource;
  readonly options: TlsOptions;
  readonly processAt: (pid: number, startNs: number, comm: string) => Process;
  /** Says what is not heard. */
  readonly tell: (line: CoverageLine) => void;
  /** What is heard and what is not, for those who want to know. */
  readonly say: (text: string) => void;
  /** CLOCK_BOOTTIME. */
  readonly nowNs: () => number;
}

export class TlsHearing implements Disposable {
  readonly subjects: readonly Subject[];
  readonly #libraries: Libraries;
  readonly #taps: TlsTaps;
  readonly #speakers: TlsSpeakers;
  readonly #tell: (line: CoverageLine) => void;

  constructor({ kernel, options, processAt, tell, say, nowNs }: TlsHearingParts) {
    this.#tell = tell;
    const folder = CacheFolder.open();
    if (folder === undefined) say(`overhear: keeps nothing in "${CACHE_FOLDER}": not its own`);
    const analyses = new Analyses(folder);
    const open = () => kernel.openTls(options);
    const libraries = new Libraries({ open, analyses, say, nowNs });
    this.#libraries = libraries;
    this.#taps = new TlsTaps({
      libraries,
      ownPid: options.ownPid,
      tellsFiles: kernel.tellsFiles,
      forgetFile: (file) => kernel.tlsUsers.forgetFile(file),
      nowNs,
    });
    const userOf = (pid: number) => kernel.tlsUsers.at(pid);
    const lookInto = (files: readonly MappedFile[]) => this.#taps.want(files);
    this.#speakers = new TlsSpeakers({ libraries, userOf, lookInto, processAt, tell });
    const knownUsers = () => kernel.tlsUsers.known();
    const strangers = new TlsStrangers({ libraries, knownUsers, processAt, tell });
    // who may end soon is looked at first
    this.subjects = [this.#speakers, strangers, this.#taps];
  }

  /** Looks for libraries. `command`: one that is about to be started. */
  listen(command: string | undefined): void {
    if (command !== undefined) this.#taps.prepare(command);
    this.#taps.discover();
  }

  /** The run is over; `tell` is called for what is left. */
  end(nowNs: number): void {
    this.#speakers.end(nowNs);
    const { refused } = this.#libraries;
    if (refused === 0) return;
    const none = { channel: undefined, process: undefined, bytes: 0 };
    this.#tell({ kind: "coverage", reason: "tls_refused", ...none, count: refused, timeNs: nowNs });
  }

  /** Hears nothing more. */
  [Symbol.dispose](): void {
    this.#taps[Symbol.dispose]();
  }
}
