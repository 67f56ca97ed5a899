/** The recorded end of a session in, the ends of its channels and processes out; of one over HTTP, its end alone. */
import type { Channel, Party } from "../capture/types.ts";
import type { RecordedEnd } from "../framing/types.ts";
import { isProcess } from "../party.ts";
import type { ChannelEnd, ProcessEnd } from "../stream/types.ts";
import { type Fields, fieldsField, textField } from "./fields.ts";
import { type Direction, type RecordedSession, readExit } from "./recorded-world.ts";

export function httpEndItem(session: RecordedSession, line: Fields, timeNs: number): RecordedEnd {
  noteExit(session.client, fieldsField(line, "client"), timeNs);
  noteExit(session.server, fieldsField(line, "server"), timeNs);
  const reason = textField(line, "reason") ?? "";
  return { kind: "recorded-end", session: session.id, reason, timeNs };
}

/**
 * In the order in which they give the recorded reason again: exits first, the one that was the reason
 * earlier than the other; then the channels, the one that was closed first first.
 */
export function endItems(
  session: RecordedSession,
  line: Fields,
  timeNs: number,
): readonly (ChannelEnd | ProcessEnd)[] {
  const reason = textField(line, "reason") ?? "";
  const serverFirst = reason.startsWith("server");
  noteExit(session.client, fieldsField(line, "client"), serverFirst ? timeNs + 1000 : timeNs);
  noteExit(session.server, fieldsField(line, "server"), serverFirst ? timeNs : timeNs + 1000);
  const order: readonly Direction[] = serverFirst
    ? ["server-to-client", "client-to-server"]
    : ["client-to-server", "server-to-client"];
  const items: (ChannelEnd | ProcessEnd)[] = order
    .flatMap((direction) => [...(session.channels.get(direction) ?? [])])
    .map((channel) => channelEnd(channel, timeNs));
  for (const process of [session.client, session.server]) {
    if (isProcess(process) && process.exit !== undefined) {
      items.push({ kind: "process-end", process, timeNs });
    }
  }
  return items;
}

/** Who has left a session that goes on with another one in its place. */
export function leftItems(
  left: Party | undefined,
  line: Fields,
  timeNs: number,
): readonly ProcessEnd[] {
  if (!isProcess(left)) return [];
  noteExit(left, fieldsField(line, "left"), timeNs);
  return left.exit === undefined ? [] : [{ kind: "process-end", process: left, timeNs }];
}

/** A process of several sessions may have been given its exit before, at a later time than it had. */
function noteExit(process: Party | undefined, fields: Fields | undefined, timeNs: number): void {
  const exit = readExit(fields, timeNs);
  if (!isProcess(process) || exit === undefined) return;
  if (process.exit === undefined || process.exit.timeNs > timeNs) process.exit = exit;
}

function channelEnd(channel: Channel, timeNs: number): ChannelEnd {
  return { kind: "end", channel, timeNs, unreadBytes: 0, writer: channel.writer };
}
