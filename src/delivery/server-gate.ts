/** Items in, the same items out, a session's first ones held until the server has said its name. */
import type { ExchangeItem, MessageLine, Session } from "../exchange/types.ts";

/** A server that says nothing for so long is judged by its process. */
const MAX_HELD_ITEMS = 32;
/** Nor is a session held whose messages are this long. */
const MAX_HELD_CHARS = 65_536;

interface Held {
  readonly items: ExchangeItem[];
  chars: number;
}

/**
 * For `--server`: the name is in the answer to the first request, and the request belongs to the session
 * as well. Order within a session is kept; what is released comes before the item that released it.
 */
export class ServerGate {
  /** By session id: a line may hold a copy of its session. */
  readonly #held = new Map<string, Held>();
  readonly #judged = new Set<string>();

  pass(items: readonly ExchangeItem[]): readonly ExchangeItem[] {
    const out: ExchangeItem[] = [];
    for (const item of items) this.#passOne(item, out);
    return out;
  }

  /** All that is held: the run ends. */
  release(): readonly ExchangeItem[] {
    const out = [...this.#held.values()].flatMap(({ items }) => items);
    this.#held.clear();
    return out;
  }

  #passOne(item: ExchangeItem, out: ExchangeItem[]): void {
    const session = "session" in item ? item.session : undefined;
    if (session === undefined) {
      out.push(item);
      return;
    }
    if (this.#judged.has(session.id)) out.push(item);
    else this.#hold(item, session, out);
    if (item.kind === "session" && item.event === "end") this.#judged.delete(session.id);
  }

  #hold(item: ExchangeItem, session: Session, out: ExchangeItem[]): void {
    const held = this.#held.get(session.id) ?? { items: [], chars: 0 };
    held.items.push(item);
    held.chars += item.kind === "message" ? item.message.raw.length : 0;
    const long = held.items.length >= MAX_HELD_ITEMS || held.chars >= MAX_HELD_CHARS;
    if (!long && !isNamed(session) && !isLastChance(item)) {
      this.#held.set(session.id, held);
      return;
    }
    this.#held.delete(session.id);
    this.#judged.add(session.id);
    const { serverInfo } = session;
    // a session line is a copy of its time: the filter is to judge it by the name that is known now
    for (const each of held.items) {
      if (each.kind !== "session") out.push(each);
      else out.push({ ...each, session: { ...each.session, serverInfo } });
    }
  }
}

function isNamed(session: Session): boolean {
  return session.serverInfo !== undefined;
}

/** An answer of the server without a name, one that is no message, or the end: no name will come that is worth waiting for. */
function isLastChance(item: ExchangeItem): boolean {
  if (item.kind === "session") return item.event === "end";
  if (item.kind === "http") return true;
  return item.kind === "message" && isServersAnswer(item);
}

function isServersAnswer(line: MessageLine): boolean {
  return line.direction === "server-to-client" && line.message.method === undefined;
}
