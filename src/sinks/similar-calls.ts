/** Lines of a session in, whether only its id tells a call from another that is open out. */
import type { MessageLine } from "../exchange/types.ts";
import { RecentMap } from "../recent-map.ts";
import { capText, copyText } from "../text.ts";

const MAX_SESSIONS = 256;
/** Of a session: different calls that are looked at. */
const MAX_CALLS = 64;

interface Similar {
  open: number;
  /** More than one was open, and not all of them are answered yet. */
  isCrowded: boolean;
}

type Calls = Map<string, Similar>;

const newCalls = (): Calls => new Map();

export class SimilarCalls {
  readonly #sessions = new RecentMap<string, Calls>(MAX_SESSIONS);

  /** True when another call of the same method and target, in the same direction, is open. To be asked once for each line. */
  needsId(line: MessageLine): boolean {
    const { message, request, callId, session } = line;
    if (message.type === "request") return this.#ask(line);
    if (request !== undefined) return this.#answer(line, request.method);
    // what is told of a call goes the way of its answer
    if (callId === undefined) return false;
    return this.#sessions.get(session.id)?.get(keyOf(line, "tools/call"))?.isCrowded === true;
  }

  end(session: string): void {
    this.#sessions.delete(session);
  }

  #ask(line: MessageLine): boolean {
    const calls = this.#sessions.obtain(line.session.id, newCalls);
    const key = keyOf(line, line.message.method);
    const similar = calls.get(key);
    if (similar === undefined) {
      if (calls.size < MAX_CALLS) calls.set(copyText(key), { open: 1, isCrowded: false });
      return false;
    }
    similar.open++;
    similar.isCrowded = true;
    return true;
  }

  #answer(line: MessageLine, method: string): boolean {
    const calls = this.#sessions.get(line.session.id);
    const key = keyOf(line, method);
    const similar = calls?.get(key);
    if (similar === undefined) return false;
    similar.open--;
    if (similar.open === 0) calls?.delete(key);
    return similar.isCrowded;
  }
}

/** An answer goes the other way. */
function keyOf({ message, direction, target = "" }: MessageLine, method = ""): string {
  const fromClient = (direction === "client-to-server") === (message.type === "request");
  return `${fromClient ? ">" : "<"} ${capText(method)} ${target}`;
}
