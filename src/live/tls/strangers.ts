/** Processes whose libraries gave nothing that is listened for in; libraries that were let go for it out. */
import type { TlsUserEvent } from "../../capture/tls/types.ts";
import type { KernelEvent, Process } from "../../capture/types.ts";
import type { CoverageLine } from "../../exchange/types.ts";
import type { Subject } from "../subject.ts";
import type { Libraries } from "./libraries.ts";
import { mappedFiles } from "./mapped-files.ts";

const MAX_WAITING = 256;

export interface StrangersParts {
  readonly libraries: Pick<Libraries, "strange">;
  /** Processes whose libraries gave HTTP or JSON. */
  readonly knownUsers: () => Iterable<number>;
  readonly processAt: (pid: number, startNs: number, comm: string) => Process;
  readonly tell: (line: CoverageLine) => void;
}

export class TlsStrangers implements Subject {
  readonly #parts: StrangersParts;
  #waiting: TlsUserEvent[] = [];

  constructor(parts: StrangersParts) {
    this.#parts = parts;
  }

  observe(event: KernelEvent): void {
    if (event.kind === "tls-strange" && this.#waiting.length < MAX_WAITING)
      this.#waiting.push(event);
  }

  chores(): void {
    for (const event of this.#waiting.splice(0)) {
      const keys = mappedFiles(event.pid).map(({ key }) => key);
      const gone = this.#parts.libraries.strange(event.pid, keys, (key) => this.#isProven(key));
      if (gone.length === 0) continue;
      this.#parts.tell({
        kind: "coverage",
        reason: "tls_not_http",
        channel: undefined,
        process: this.#parts.processAt(event.pid, event.startNs, event.comm),
        bytes: 0,
        count: gone.length,
        timeNs: event.timeNs,
      });
    }
  }

  #isProven(key: string): boolean {
    for (const pid of this.#parts.knownUsers()) {
      if (mappedFiles(pid).some((file) => file.key === key)) return true;
    }
    return false;
  }
}
