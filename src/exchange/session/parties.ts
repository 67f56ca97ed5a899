/** Keeps who writes and who reads a session's directions, and which of them are its two parties. */
import type { Party, Process } from "../../capture/types.ts";
import type { Message } from "../../message/types.ts";
import { isProcess } from "../../party.ts";
import { isGone } from "./exits.ts";
import type { SessionState, Side } from "./session-state.ts";

/** Returns true when somebody is new to the session's directions. */
export function noteParties(side: Side, message: Message): boolean {
  const frame = message.frame;
  const writer = frame.sender ?? frame.channel.writer;
  const { peer } = side;
  side.lastNs = frame.timeNs;
  const isUsual = side.reader === frame.reader && (writer === undefined || side.writer === writer);
  const isLeft = isSucceeded(side, message, writer);
  if (isUsual && !isLeft) return false;
  side.reader = frame.reader;
  side.writer = writer ?? side.writer;
  // the parties stay when other processes write or read too (children that share the pipe), and for as long as they live
  if (isLeft) noteSuccessors(side, message, writer);
  side.party ??= writer;
  peer.party ??= frame.reader;
  if (side.party === writer) side.hasWritten = true;
  if (peer.party === frame.reader) peer.hasRead = true;
  return true;
}

/** Whether somebody writes or reads in the place of who did so and is gone: a server that was started again, a worker. */
function isSucceeded(side: Side, { frame }: Message, writer: Party | undefined): boolean {
  if (frame.http !== undefined) return false;
  const { peer } = side;
  return (
    (side.hasWritten && isGoneFor(side.party, writer, frame.timeNs)) ||
    (peer.hasRead && isGoneFor(peer.party, frame.reader, frame.timeNs))
  );
}

function isGoneFor(
  party: Party | undefined,
  present: Party | undefined,
  timeNs: number,
): party is Process {
  return present !== undefined && party !== present && isProcess(party) && isGone(party, timeNs);
}

function noteSuccessors(side: Side, { frame }: Message, writer: Party | undefined): void {
  const { peer } = side;
  if (side.hasWritten && isGoneFor(side.party, writer, frame.timeNs)) replace(side, writer);
  if (peer.hasRead && isGoneFor(peer.party, frame.reader, frame.timeNs)) {
    replace(peer, frame.reader);
  }
}

function replace(side: Side, present: Party | undefined): void {
  side.state.left = isProcess(side.party) ? side.party : undefined;
  side.party = present;
  side.hasWritten = false;
  side.hasRead = false;
}

/** Writes the parties into the session by the roles as they are. Returns true when one changed, or became another program. */
export function assignParties(state: SessionState): boolean {
  const client = state.client.party;
  const server = state.client.peer.party;
  const { session, programs } = state;
  const isSame = session.client === client && session.server === server;
  const isSameProgram = programs[0] === programOf(client) && programs[1] === programOf(server);
  if (isSame && isSameProgram) return false;
  state.programs = [programOf(client), programOf(server)];
  session.client = client;
  session.server = server;
  return true;
}

/** Another one after each exec. */
function programOf(party: Party | undefined): readonly string[] | undefined {
  return isProcess(party) ? party.commandLine : undefined;
}
