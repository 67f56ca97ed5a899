/** A session's requests and answers in, the rows of its calls that are open out. */
import type { CallLine, MessageLine } from "../exchange/types.ts";
import type { Frame } from "../framing/types.ts";
import { RecentMap } from "../recent-map.ts";

/** Calls with one id in one direction that are looked through. */
const MAX_TWINS = 16;
/** Calls that have ended and may be named again, per session. */
const MAX_ENDED = 256;
/** Longer ids are not looked for. */
const MAX_KEY_CHARS = 1024;

interface OpenCall {
  readonly frame: Frame;
  readonly id: number;
}

export class SessionRef {
  readonly id: number;
  /** The segment of its row, as it was last written. */
  segment = -1;
  /** With a server of overhear itself: nothing of it is stored. */
  readonly isOwn: boolean;
  messages = 0;
  calls = 0;
  failedCalls = 0;
  readonly #open = new Map<string, OpenCall[]>();
  /** Calls that started something, by their keys. */
  readonly #ended = new RecentMap<string, number>(MAX_ENDED);

  constructor(id: number, isOwn: boolean) {
    this.id = id;
    this.isOwn = isOwn;
  }

  /** A request was heard: its call has this id. */
  open(line: MessageLine, id: number): void {
    const { frame, idText } = line.message;
    const key = keyOf(line.direction, idText);
    if (key === undefined) return;
    const twins = this.#open.get(key);
    if (twins === undefined) this.#open.set(key, [{ frame, id }]);
    else if (twins.length < MAX_TWINS) twins.push({ frame, id });
  }

  /** The id of a call that has ended; undefined: its request was not stored. */
  close({ direction, request }: CallLine): number | undefined {
    const key = keyOf(direction, request.idText);
    const twins = key === undefined ? undefined : this.#open.get(key);
    if (key === undefined || twins === undefined) return undefined;
    // of a batch, the call has a frame of its own
    const at = Math.max(
      0,
      twins.findIndex(({ frame }) => frame === request.frame),
    );
    const [found] = twins.splice(at, 1);
    if (twins.length === 0) this.#open.delete(key);
    return found?.id;
  }

  /** Its processes may outlive it: what they do is told later, by its id. */
  remember({ direction, request }: CallLine, id: number): void {
    const key = keyOf(direction, request.idText);
    if (key !== undefined) this.#ended.set(key, id);
  }

  /** A call that a server was asked for and that has ended. */
  remembered(idText: string): number | undefined {
    const key = keyOf("client-to-server", idText);
    return key === undefined ? undefined : this.#ended.get(key);
  }

  /** The open call that a message belongs to, of the other side as a rule. */
  find(direction: MessageLine["direction"], idText: string): number | undefined {
    const other = direction === "client-to-server" ? "server-to-client" : "client-to-server";
    for (const asked of [other, direction] as const) {
      const key = keyOf(asked, idText);
      const call = key === undefined ? undefined : this.#open.get(key)?.[0];
      if (call !== undefined) return call.id;
    }
    return undefined;
  }
}

function keyOf(direction: MessageLine["direction"], idText: string | undefined) {
  if (idText === undefined || idText.length > MAX_KEY_CHARS) return undefined;
  return `${direction === "client-to-server" ? ">" : "<"}${idText}`;
}
