/** Decides per session whether it is MCP, and holds messages until that is known. */
import type { Message } from "../../message/types.ts";
import { countOther } from "./dropped.ts";
import type { HeldMessage, SessionState, Side } from "./session-state.ts";

/** How long messages are held while nothing says whether they are MCP. */
const UNDECIDED_NS = 2_000_000_000;
const MAX_HELD_MESSAGES = 64;
const MAX_HELD_CHARS = 1_048_576;
/** Held in all sessions together; a character may take 29 bytes, as part of a parsed body. */
const MAX_HELD_CHARS_TOTAL = 4_194_304;

/** What became of a message; "settle" says that no more can be held, so the session must be decided. */
export type Judgement = "deliver" | "held" | "settle" | "dropped";

export class Verdicts {
  readonly #allJsonrpc: boolean;
  #heldChars = 0;

  constructor(allJsonrpc: boolean) {
    this.#allJsonrpc = allJsonrpc;
  }

  /** For a session that is not known to be MCP. "deliver": what is held goes first, by `release`. */
  judge(side: Side, message: Message): Judgement {
    const state = side.state;
    if (message.mcp === true) {
      state.verdict = "mcp";
      return "deliver";
    }
    if (this.#allJsonrpc) return "deliver";
    if (state.verdict === "other") {
      countOther(state, message);
      return "dropped";
    }
    const isHarmless = !speaksOtherwise(message);
    if (state.verdict === "presumed" && isHarmless && state.held.length === 0) return "deliver";
    return this.#hold(side, message) ? "held" : "settle";
  }

  /**
   * Nothing said that the session is MCP for long enough. Held methods that MCP does not know
   * make it something else; answers and pings alone are given the benefit of the doubt, since the
   * tool may have come between a request and its answer. `state.held` is not empty.
   */
  settle(state: SessionState): void {
    const isForeign = state.held.some(({ message }) => speaksOtherwise(message));
    state.verdict = isForeign ? "other" : "presumed";
    if (isForeign) for (const held of this.release(state)) countOther(state, held.message);
  }

  release(state: SessionState): readonly HeldMessage[] {
    const held = state.held;
    if (held.length === 0) return held;
    this.#heldChars -= state.heldChars;
    state.held = [];
    state.heldChars = 0;
    return held;
  }

  /** Returns false when nothing more may be held. */
  #hold(side: Side, message: Message): boolean {
    const state = side.state;
    if (state.held.length === 0) state.heldSinceNs = message.frame.timeNs;
    state.held.push({ side, message });
    state.heldChars += message.raw.length;
    this.#heldChars += message.raw.length;
    if (this.#heldChars >= MAX_HELD_CHARS_TOTAL) return false;
    return state.held.length < MAX_HELD_MESSAGES && state.heldChars < MAX_HELD_CHARS;
  }
}

/** Another protocol's method, or one that MCP does not know. */
function speaksOtherwise({ mcp, method, knownMethod }: Message): boolean {
  return mcp === false || (method !== undefined && !knownMethod);
}

/** True when the session has held messages for as long as it may. */
export function isHeldTooLong(state: SessionState, nowNs: number): boolean {
  return state.held.length > 0 && nowNs - state.heldSinceNs >= UNDECIDED_NS;
}
