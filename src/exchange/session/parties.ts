/** Keeps who writes and who reads a session's directions, and which of them are its two parties. */
import type { Message } from "../../message/types.ts";
import type { SessionState, Side } from "./session-state.ts";

/** Returns true when somebody is new to the session's directions. */
export function noteParties(side: Side, message: Message): boolean {
  const frame = message.frame;
  const writer = frame.sender ?? frame.channel.writer;
  side.lastNs = frame.timeNs;
  if (side.reader === frame.reader && (writer === undefined || side.writer === writer))
    return false;
  side.reader = frame.reader;
  side.writer = writer ?? side.writer;
  // the parties stay when other processes write or read too (children that share the pipe)
  side.party ??= writer;
  side.peer.party ??= frame.reader;
  return true;
}

/** Writes the parties into the session by the roles as they are. Returns true when one changed. */
export function assignParties(state: SessionState): boolean {
  const client = state.client.party;
  const server = state.client.peer.party;
  const session = state.session;
  if (session.client === client && session.server === server) return false;
  session.client = client;
  session.server = server;
  return true;
}
