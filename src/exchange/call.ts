/** Calls that wait for their answer, per session and direction, in the order in which they came. */
import type { Message } from "../message/types.ts";
import { capText, copyText } from "../text.ts";
import { idKey } from "./id-key.ts";
import { asText, metaOf } from "./json.ts";
import { PROTOCOL_VERSION } from "./roles.ts";

/** What one waiting call costs beside its text: objects, map entries (estimate, bytes). */
const CALL_OVERHEAD_BYTES = 512;
/** How many calls with one key are looked through for the same id text. */
const MAX_TWINS_SEARCHED = 16;

/** What a message that belongs to a call needs to know of it. */
export interface CallReference {
  readonly idText: string;
  readonly target: string | undefined;
  readonly chain: string | undefined;
}

export class Call implements CallReference {
  readonly message: Message;
  readonly idText: string;
  readonly key: string;
  readonly method: string;
  readonly target: string | undefined;
  readonly chain: string | undefined;
  /** The version that a server/discover asked for. */
  readonly askedVersion: string | undefined;
  /** Key of params._meta.progressToken. */
  readonly token: string | undefined;
  readonly heldBytes: number;
  progressCount = 0;
  logCount = 0;
  cancelled = false;
  /** The next call with the same key: an id used again before it was answered. */
  twin: Call | undefined = undefined;
  /** On the first call of a key: the last one. */
  lastTwin: Call = this;

  constructor(
    message: Message,
    idText: string,
    method: string,
    target: string | undefined,
    chain: string | undefined,
    token: string | undefined,
  ) {
    this.message = keepable(message);
    this.idText = idText;
    this.key = idKey(idText);
    this.method = method;
    this.target = target;
    this.chain = chain;
    this.askedVersion = method === "server/discover" ? versionOf(message) : undefined;
    this.token = token;
    this.heldBytes = 2 * message.raw.length + CALL_OVERHEAD_BYTES;
  }
}

export class WaitingCalls {
  /** Calls in total. */
  size = 0;
  heldBytes = 0;
  /** Calls that are neither answered nor cancelled. */
  open = 0;
  readonly #byKey = new Map<string, Call>();
  readonly #byToken = new Map<string, Call>();

  add(call: Call): void {
    const first = this.#byKey.get(call.key);
    if (first === undefined) this.#byKey.set(call.key, call);
    else {
      first.lastTwin.twin = call;
      first.lastTwin = call;
    }
    if (call.token !== undefined) this.#byToken.set(call.token, call);
    this.size++;
    this.open++;
    this.heldBytes += call.heldBytes;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  find(key: string): Call | undefined {
    return this.#byKey.get(key);
  }

  findByToken(token: string): Call | undefined {
    return this.#byToken.get(token);
  }

  /** Removes the call that an answer with this id belongs to: the oldest with its very text, else the oldest. */
  take(idText: string): Call | undefined {
    const key = idKey(idText);
    const first = this.#byKey.get(key);
    if (first === undefined) return undefined;
    let before: Call | undefined;
    let call: Call | undefined = first;
    for (let searched = 0; call !== undefined && searched < MAX_TWINS_SEARCHED; searched++) {
      if (call.idText === idText) return this.#remove(call, before, first);
      before = call;
      call = call.twin;
    }
    return this.#remove(first, undefined, first);
  }

  cancel(call: Call): void {
    if (call.cancelled) return;
    call.cancelled = true;
    this.open--;
  }

  /** Removes the call that has waited longest. */
  takeOldest(): Call | undefined {
    for (const first of this.#byKey.values()) return this.#remove(first, undefined, first);
    return undefined;
  }

  /** The only open call, when there is exactly one and it is quickly found. */
  onlyOpen(): Call | undefined {
    if (this.open !== 1 || this.size > MAX_TWINS_SEARCHED) return undefined;
    for (const call of this.all()) if (!call.cancelled) return call;
    return undefined;
  }

  *all(): Generator<Call> {
    for (const first of this.#byKey.values()) {
      for (let call: Call | undefined = first; call !== undefined; call = call.twin) yield call;
    }
  }

  #remove(call: Call, before: Call | undefined, first: Call): Call {
    if (before !== undefined) {
      before.twin = call.twin;
      if (first.lastTwin === call) first.lastTwin = before;
    } else if (call.twin === undefined) {
      this.#byKey.delete(call.key);
    } else {
      call.twin.lastTwin = call.lastTwin;
      this.#byKey.set(call.key, call.twin);
    }
    call.twin = undefined;
    call.lastTwin = call;
    if (call.token !== undefined && this.#byToken.get(call.token) === call) {
      this.#byToken.delete(call.token);
    }
    this.size--;
    if (!call.cancelled) this.open--;
    this.heldBytes -= call.heldBytes;
    return call;
  }
}

/** A message as it may be kept: not holding the line of a whole batch, nor its parsed body, which takes up to 29 times as
 * much memory as its text. */
function keepable(message: Message): Message {
  if (message.batch !== undefined) return withoutBatch(message);
  return { ...message, body: undefined };
}

function versionOf(message: Message): string | undefined {
  const version = asText(metaOf(message.body)?.[PROTOCOL_VERSION]);
  return version === undefined ? undefined : capText(version);
}

function withoutBatch(message: Message): Message {
  const raw = copyText(message.raw);
  return {
    ...message,
    frame: { ...message.frame, text: raw },
    raw,
    idText: copyOptional(message.idText),
    method: copyOptional(message.method),
    paramsText: copyOptional(message.paramsText),
    body: undefined,
  };
}

function copyOptional(text: string | undefined): string | undefined {
  return text === undefined ? undefined : copyText(text);
}
