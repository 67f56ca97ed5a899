/** The first bytes that were written to a channel in, whether a JSON-RPC message begins so out. */

/** A member of the message or of a batch's first one; the order of members is free. */
const MESSAGE =
  /^(?:\u00ef\u00bb\u00bf)?\s*(?:\[\s*)?\{\s*"(?:jsonrpc|id|method|params|result|error)"\s*:/;

/** For bytes that nobody ever read: there is no message that could tell. */
export function opensLikeMessage(opening: Uint8Array | undefined): boolean {
  return opening !== undefined && MESSAGE.test(Buffer.from(opening).toString("latin1"));
}
