/** A request that was sent in, what is kept of it until its answer out. */
import type { Message } from "../../message/types.ts";
import { capText, copyText } from "../../text.ts";
import { asText, metaOf } from "../json.ts";
import { PROTOCOL_VERSION } from "../meta-keys.ts";
import { idKey } from "./id-key.ts";

/** What one waiting call costs beside its text: objects, map entries (estimate, bytes). */
const CALL_OVERHEAD_BYTES = 512;

/** What a message that belongs to a call needs to know of it. */
export interface CallReference {
  readonly idText: string;
  readonly target: string | undefined;
  readonly chain: string | undefined;
}

/** A call's place in a list of calls. */
export interface Neighbours {
  before: Call | undefined;
  after: Call | undefined;
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
  /** An answer came that may as well have been its own: which one is, is not known. */
  isAmbiguous = false;
  /** It is said that it has waited for long. */
  isLong = false;
  /** Where it was asked, and where its answer is looked for first; undefined: anywhere in the session. */
  readonly place: object | undefined;
  /** Its neighbours among the calls with the same key (an id used again before it was answered), oldest first. */
  readonly twins: Neighbours = { before: undefined, after: undefined };
  /** Its neighbours among the calls of the same place (a batch). */
  readonly companions: Neighbours = { before: undefined, after: undefined };

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
    this.place = message.frame.http?.exchange;
    const { raw, frame, jsonError } = message;
    // what was no JSON has a text beside its own
    const chars = raw.length + (jsonError === undefined ? 0 : frame.text.length);
    this.heldBytes = 2 * chars + CALL_OVERHEAD_BYTES;
  }

  /** When it was sent; when it was received, where that is not known. */
  get sinceNs(): number {
    return sinceOf(this.message);
  }
}

/** When a request was sent; when it was received, where that is not known. */
export function sinceOf({ frame }: Message): number {
  return frame.sentNs ?? frame.timeNs;
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
    // a request has none, or none that means anything; each would hold the whole batch
    resultText: undefined,
    errorText: undefined,
    body: undefined,
  };
}

function copyOptional(text: string | undefined): string | undefined {
  return text === undefined ? undefined : copyText(text);
}
