/** Messages of a session in, which of them a terminal has sent back to who wrote them out. */
import type { Message } from "../../message/types.ts";
import { idKey } from "../call/id-key.ts";
import type { CoverageLine } from "../types.ts";
import type { Side } from "./session-state.ts";

/** A terminal takes lines of 4095 bytes at most. Source: termios(3). */
const MAX_ECHO_CHARS = 4096;
/** Messages of one side that a terminal may not have sent back yet. */
const MAX_SAID = 16;

/**
 * A server that is given a terminal (`script -qfec server`, `docker run -it`) has its requests sent back by that: on the way
 * from the server, before its answer. Such a request tells on the terminal; from then on what is sent back is known by its
 * text. It is no message: its writer has been heard.
 */
export class Echoes {
  /** What each side said that may come back, of sides that speak to a terminal. */
  readonly #said = new WeakMap<Side, string[]>();
  #hasTerminals = false;

  /** undefined: the message is its sender's own. */
  take(side: Side, message: Message): "first" | "again" | undefined {
    const { raw } = message;
    if (raw.length > MAX_ECHO_CHARS) return undefined;
    const said = this.#hasTerminals ? this.#said.get(side.peer) : undefined;
    const at = said?.indexOf(raw) ?? -1;
    if (at >= 0) {
      said?.splice(0, at + 1);
      return "again";
    }
    if (said === undefined && isSentBack(side.peer, message)) {
      this.#hasTerminals = true;
      this.#said.set(side.peer, []);
      return "first";
    }
    if (this.#hasTerminals) this.#note(side, raw);
    return undefined;
  }

  #note(side: Side, raw: string): void {
    const said = this.#said.get(side);
    if (said === undefined) return;
    said.push(raw);
    if (said.length > MAX_SAID) said.shift();
  }
}

export function echoLine({ frame, bytes }: Message): CoverageLine {
  const { channel, timeNs } = frame;
  return { kind: "coverage", reason: "terminal_echo", channel, process: undefined, bytes, timeNs };
}

/** Word for word what that side asks just now, and only one of the two ever asks. */
export function isSentBack(
  { calls }: Side,
  { type, idText, raw, senderRoles, batch }: Message,
): boolean {
  if (type !== "request" || idText === undefined || batch !== undefined) return false;
  if (senderRoles === "both" || calls.size === 0) return false;
  return calls.find(idKey(idText))?.message.raw === raw;
}
