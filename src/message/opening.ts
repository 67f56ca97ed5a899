/** What a channel's first writes, or its first read, begin with in, whether a JSON-RPC message begins so out. */

/** A member of the message or of a batch's first one; the order of members is free. */
const MESSAGE =
  /^(?:\u00ef\u00bb\u00bf)?\s*(?:\[\s*)?\{\s*"(?:jsonrpc|id|method|params|result|error)"\s*:/m;

/** For channels without a whole message that could tell. */
export function opensLikeMessage(opening: string | undefined): boolean {
  return opening !== undefined && MESSAGE.test(opening);
}
