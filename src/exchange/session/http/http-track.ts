/** What one HTTP exchange has carried so far. */
import type { HttpEnd } from "../../../framing/types.ts";
import type { Message } from "../../../message/types.ts";
import type { SessionState } from "../session-state.ts";
import { isAccepted, isRefused } from "./status.ts";

export class HttpTrack {
  /** Its messages are all of one session. */
  state: SessionState | undefined = undefined;
  /** It asked for a session, whose id is in its answer. */
  isInitialize = false;
  /** The event stream of the old transport, which is its session's life. */
  isSessionStream = false;
  #requests = 0;
  #answers = 0;
  #messages = 0;

  note({ type, frame }: Message): void {
    this.#messages++;
    if (frame.http?.side === "request") {
      if (type === "request") this.#requests++;
    } else if (type === "response" || type === "error") this.#answers++;
  }

  /** Whether a line is to tell of it: it failed, or did not carry what it should. */
  isTelling({ exchange, outcome, recorded }: HttpEnd): boolean {
    if (recorded !== undefined) return true;
    const { request, response } = exchange;
    if (isRefused(exchange)) return true;
    // a stream of events to listen to ends when either side likes
    const isStream = response?.fields.contentType === "text/event-stream";
    if (request?.method === "GET" && isStream) return false;
    if (outcome !== "complete" || this.#messages === 0) return true;
    return this.#requests > 0 && this.#answers === 0 && !isAccepted(exchange, this.state);
  }
}
