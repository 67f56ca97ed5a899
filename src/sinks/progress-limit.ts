/** Lines of a session in, whether progress is worth a line on the console now out. */
import type { MessageLine } from "../exchange/types.ts";
import { RecentMap } from "../recent-map.ts";
import { copyText } from "../text.ts";

/** One line a second for each call. */
const INTERVAL_NS = 1e9;
const MAX_SESSIONS = 256;
/** Of a session; others, and those with longer ids, share one line a second. */
const MAX_CALLS = 256;
const MAX_ID_CHARS = 64;
const OTHERS = "";

interface Entry {
  shownNs: number;
  /** Since the last one that was shown. */
  leftOut: number;
}

type Calls = Map<string, Entry>;

const newCalls = (): Calls => new Map();

export class ProgressLimit {
  readonly #sessions = new RecentMap<string, Calls>(MAX_SESSIONS);

  /** Of progress: how many lines of its call were left out before this one; undefined: this one is left out as well. */
  pass({ session, callId, message }: MessageLine): number | undefined {
    const calls = this.#sessions.obtain(session.id, newCalls);
    const key = keyIn(calls, callId);
    const { timeNs } = message.frame;
    const known = calls.get(key);
    if (known === undefined) {
      calls.set(copyText(key), { shownNs: timeNs, leftOut: 0 });
      return 0;
    }
    if (timeNs - known.shownNs < INTERVAL_NS) {
      known.leftOut++;
      return undefined;
    }
    const { leftOut } = known;
    known.shownNs = timeNs;
    known.leftOut = 0;
    return leftOut;
  }

  /** Of an answer: how many lines of its call were left out at the last. */
  finish({ session, message }: MessageLine): number {
    const calls = this.#sessions.get(session.id);
    const entry = calls?.get(message.idText ?? OTHERS);
    if (entry === undefined) return 0;
    calls?.delete(message.idText ?? OTHERS);
    return entry.leftOut;
  }

  /** The session is over: how many lines of calls that were not answered were left out at the last. */
  end(session: string): number {
    const calls = this.#sessions.get(session);
    this.#sessions.delete(session);
    let sum = 0;
    for (const { leftOut } of calls?.values() ?? []) sum += leftOut;
    return sum;
  }
}

function keyIn(calls: Calls, callId = OTHERS): string {
  if (calls.has(callId)) return callId;
  return calls.size < MAX_CALLS && callId.length <= MAX_ID_CHARS ? callId : OTHERS;
}
