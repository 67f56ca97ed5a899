/** Processes whose sockets carry TLS in; those of whom nothing is heard out, with the reason, each program once. */
import { readlinkSync } from "node:fs";
import type { TlsUser } from "../../capture/tls/tls-users.ts";
import type { TlsUserEvent } from "../../capture/tls/types.ts";
import type { KernelEvent, Process } from "../../capture/types.ts";
import type { CoverageLine } from "../../exchange/types.ts";
import { RecentMap } from "../../recent-map.ts";
import type { Subject } from "../subject.ts";
import type { Libraries } from "./libraries.ts";
import { type MappedFile, mappedFiles } from "./mapped-files.ts";

/** How long after its first record a process is heard of at the latest, if it is: its request follows the handshake. */
const PATIENCE_NS = [2_000_000_000, 20_000_000_000];
/** How long after it a process that has ended waits for its files to be looked into. */
const ENDED_NS = 5_000_000_000;
/** Processes that are looked at in one round. */
const MOST_LOOKS = 20;
const MAX_SPEAKERS = 4096;
const MAX_TOLD = 4096;

export interface SpeakersParts {
  readonly libraries: Pick<Libraries, "stacksIn" | "isKnown">;
  /** What the kernel knows of it; undefined: it has ended. */
  readonly userOf: (pid: number) => TlsUser | undefined;
  /** All of these are to be looked into. */
  readonly lookInto: (files: readonly MappedFile[]) => void;
  readonly processAt: (pid: number, startNs: number, comm: string) => Process;
  readonly tell: (line: CoverageLine) => void;
}

interface Speaker {
  readonly event: TlsUserEvent;
  /** Its program's file, by name; its own name where that was gone. */
  program: string;
  /** Keys of the files that it has mapped. Empty: it was not looked at, or was gone. */
  files: readonly string[];
  /** Times that it was asked after. */
  asked: number;
  isTold: boolean;
}

export class TlsSpeakers implements Subject {
  readonly #parts: SpeakersParts;
  readonly #speakers = new Map<number, Speaker>();
  /** Those who have not been looked at. */
  readonly #fresh: Speaker[] = [];
  /** Those who have ended, and whose files wait for a look. */
  #ended: Speaker[] = [];
  readonly #told = new RecentMap<string, true>(MAX_TOLD);

  constructor(parts: SpeakersParts) {
    this.#parts = parts;
  }

  observe(event: KernelEvent): void {
    if (event.kind === "tls-seen") this.#meet(event);
    else if (event.kind === "tls-unheard") this.#end(event);
    else if (event.kind === "exit") this.#speakers.delete(event.pid);
  }

  get isBusy(): boolean {
    return this.#fresh.length > 0;
  }

  chores(nowNs: number): void {
    for (const speaker of this.#fresh.splice(0, MOST_LOOKS)) this.#look(speaker);
    for (const [pid, speaker] of this.#speakers) {
      const patienceNs = PATIENCE_NS[speaker.asked] ?? Number.POSITIVE_INFINITY;
      if (nowNs - speaker.event.timeNs < patienceNs) continue;
      speaker.asked += 1;
      this.#ask(pid, speaker, speaker.asked === PATIENCE_NS.length);
    }
    this.#ended = this.#ended.filter((speaker) => {
      const isDue = nowNs - speaker.event.timeNs > ENDED_NS;
      return !isDue && this.#isWaiting(speaker) ? true : this.#tellEnded(speaker);
    });
  }

  /** The run is over: what is not known by now is told as it looks. */
  end(nowNs: number): void {
    for (const [pid, speaker] of this.#speakers) {
      const [patienceNs = 0] = PATIENCE_NS;
      if (nowNs - speaker.event.timeNs > patienceNs) this.#ask(pid, speaker, true);
    }
    for (const speaker of this.#ended.splice(0)) this.#tellEnded(speaker);
  }

  #meet(event: TlsUserEvent): void {
    if (this.#speakers.size >= MAX_SPEAKERS) return;
    const speaker = { event, program: event.comm, files: [], asked: 0, isTold: false };
    this.#speakers.set(event.pid, speaker);
    this.#fresh.push(speaker);
  }

  /** It ended before anything was heard of it. What it had mapped may still wait for a look. */
  #end(event: TlsUserEvent): void {
    const known = this.#speakers.get(event.pid);
    this.#speakers.delete(event.pid);
    if (known?.isTold) return;
    const speaker = known ?? { event, program: event.comm, files: [], asked: 0, isTold: false };
    if (this.#isWaiting(speaker) && this.#ended.length < MAX_SPEAKERS) this.#ended.push(speaker);
    else this.#tellEnded(speaker);
  }

  #look(speaker: Speaker): void {
    const { pid } = speaker.event;
    const files = mappedFiles(pid);
    if (files.length === 0) return;
    speaker.files = files.map(({ key }) => key);
    this.#parts.lookInto(files);
    try {
      speaker.program = readlinkSync(`/proc/${pid}/exe`);
    } catch {
      // it has ended
    }
  }

  #isWaiting({ files }: Speaker): boolean {
    return files.some((key) => !this.#parts.libraries.isKnown(key));
  }

  /** Returns false: there is nothing more to be told. */
  #tellEnded(speaker: Speaker): false {
    this.#tell(
      speaker,
      this.#isWaiting(speaker) ? TOO_SHORT : (this.#reasonOf(speaker) ?? TOO_SHORT),
    );
    return false;
  }

  #ask(pid: number, speaker: Speaker, isLast: boolean): void {
    const user = this.#parts.userOf(pid);
    if (user === undefined || user.isHeard) {
      this.#speakers.delete(pid);
      return;
    }
    if (speaker.isTold) return;
    // more may have been loaded since
    this.#look(speaker);
    if (this.#isWaiting(speaker)) return;
    const reason = this.#reasonOf(speaker);
    // what is listened to may be in use for the next connection only
    if (reason === undefined || (reason === UNKNOWN && !isLast)) return;
    this.#tell(speaker, reason);
  }

  /** undefined: it has a library that is listened to since its connection was made. */
  #reasonOf({ files, event }: Speaker): string | undefined {
    if (files.length === 0) return TOO_SHORT;
    const stacks = files.flatMap((key) => this.#parts.libraries.stacksIn(key));
    const heard = stacks.filter(({ state }) => state === "heard");
    if (heard.some(({ sinceNs }) => sinceNs > event.timeNs)) return undefined;
    const other = stacks.find(({ state }) => state !== "heard");
    if (other === undefined) return UNKNOWN;
    return other.state === "refused" ? "tls_refused" : `tls_${other.stack}`;
  }

  #tell(speaker: Speaker, reason: string): void {
    const { program, event } = speaker;
    speaker.isTold = true;
    const once = `${reason} ${program}`;
    if (this.#told.get(once)) return;
    this.#told.set(once, true);
    this.#parts.tell({
      kind: "coverage",
      reason,
      channel: undefined,
      process: this.#parts.processAt(event.pid, event.startNs, event.comm),
      bytes: 0,
      timeNs: event.timeNs,
    });
  }
}

/** It ended before the library that it had could be listened to, or looked for. */
const TOO_SHORT = "tls_too_short";
/** It has none that is known; or it passes on what others encrypt. */
const UNKNOWN = "tls_unknown_stack";
