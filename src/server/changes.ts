/** A history in; what of its resources has changed, told to those who want to know, out. */
import type { History, SessionRecord } from "../store/types.ts";
import { LISTED_RESOURCES, POLL_MS } from "./limits.ts";
import { CALLS_URI, SESSIONS_URI, sessionUri } from "./resources.ts";

export interface Listener {
  /** There are other resources than before. */
  resourcesChanged(): void;
  resourceUpdated(uri: string): void;
}

/** Asks once a second, as long as somebody listens; one that throws keeps nothing from the others. */
export class Changes {
  readonly #history: History;
  readonly #listeners = new Set<Listener>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #revision = -1;
  #callRow = -1;
  /** Of the sessions that are listed, what would change them. */
  #sessions = new Map<string, string>();

  constructor(history: History) {
    this.#history = history;
  }

  /** Returns what ends it; once is enough. */
  listen(listener: Listener): () => void {
    if (this.#listeners.size === 0) {
      this.#remember();
      this.#timer = setInterval(() => this.look(), POLL_MS);
      // it keeps no process alive that has nothing else to do
      this.#timer.unref();
    }
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Compares with what it saw before, and tells. */
  look(): void {
    const { revision, callRow } = this.#history.latest();
    if (revision === this.#revision) return;
    const before = this.#sessions;
    const callsBefore = this.#callRow;
    this.#remember();
    const added = [...this.#sessions.keys()].some((id) => !before.has(id));
    const updated = [...this.#sessions].filter(
      ([id, state]) => before.has(id) && before.get(id) !== state,
    );
    const uris = updated.map(([id]) => sessionUri(id));
    if (added || uris.length > 0) uris.push(SESSIONS_URI);
    if (callRow !== callsBefore) uris.push(CALLS_URI);
    for (const listener of this.#listeners) {
      try {
        if (added) listener.resourcesChanged();
        for (const uri of uris) listener.resourceUpdated(uri);
      } catch {
        // it has gone, and will be told nothing more
      }
    }
  }

  #remember(): void {
    const { revision, callRow } = this.#history.latest();
    const page = this.#history.sessions({}, { before: undefined, limit: LISTED_RESOURCES });
    this.#revision = revision;
    this.#callRow = callRow;
    this.#sessions = new Map(page.items.map((session) => [session.id, stateOf(session)]));
  }
}

function stateOf({ messages, calls, failedCalls, endMs }: SessionRecord): string {
  return `${messages} ${calls} ${failedCalls} ${endMs}`;
}
