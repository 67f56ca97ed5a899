/** What the exchange stage asks of each transport: which session a message is of, and when that is over. */
import type { Channel, Process } from "../../capture/types.ts";
import type { Message } from "../../message/types.ts";
import type { EndCause } from "./exits.ts";
import type { SessionState, Side } from "./session-state.ts";

export interface TransportSessions {
  readonly states: ReadonlySet<SessionState>;
  /** Entries in all maps: 0 when every session is gone. */
  readonly size: number;
  /** The direction that the message went in, of a known session or a new one. */
  place(message: Message): Side;
  /** The exits of both ends of the direction concern its session. */
  watch(side: Side): void;
  sessionsOf(process: Process): readonly SessionState[];
  /** The session that the channel's last message was of. */
  stateOf(channel: Channel): SessionState | undefined;
  /** The session is MCP: what its channels carried beside its messages counts. */
  adopt(state: SessionState): void;
  remove(state: SessionState): void;
  /** True when nothing more can be said in the session. `nowNs` Infinity: no more time to wait. */
  isOver(state: SessionState, nowNs: number): boolean;
  /** Something of the session is gone, and its end is to be expected. */
  isClosing(state: SessionState): boolean;
  endCause(state: SessionState): EndCause;
}
