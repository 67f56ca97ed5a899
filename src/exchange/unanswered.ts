/** The line of a call whose session ended first in, what is kept of it to be named by out. */
import { capText, copyText } from "../text.ts";
import { sinceOf } from "./call/call.ts";
import type { CallLine, UnansweredCall } from "./types.ts";

/** So many are named, of a session and of a run; the rest is counted. */
export const MAX_UNANSWERED = 100;
/** Longer ids are not kept. */
const MAX_ID_CHARS = 256;

export function unansweredOf({
  session,
  method,
  target,
  request,
  timeNs,
}: CallLine): UnansweredCall {
  const { idText } = request;
  return {
    session,
    method: copyText(capText(method)),
    target,
    idText: idText === undefined || idText.length > MAX_ID_CHARS ? undefined : copyText(idText),
    sinceNs: sinceOf(request),
    endNs: timeNs,
  };
}
