/** A recorded line about text beside messages in, the same line out. */
import type { Channel } from "../capture/types.ts";
import type { NoiseLine, Session } from "../exchange/types.ts";
import { countField, type Fields, textField, textsField } from "./fields.ts";
import type { Direction } from "./recorded-world.ts";

/** undefined: it makes no sense. */
export function readNoise(
  line: Fields,
  timeNs: number,
  session: Session | undefined,
  channel: Channel | undefined,
): NoiseLine | undefined {
  const direction = readDirection(line);
  const bytes = countField(line, "bytes");
  if (session === undefined || channel === undefined) return undefined;
  if (direction === undefined || bytes === undefined) return undefined;
  const { writer: from, reader: to } = channel;
  const lines = countField(line, "lines") ?? 0;
  const text = textField(line, "text") ?? "";
  const holdsMessage = textsField(line, "flags").includes("message_in_text");
  return {
    kind: "noise",
    session,
    direction,
    channel,
    from,
    to,
    text,
    lines,
    bytes,
    holdsMessage,
    timeNs,
  };
}

export function readDirection(line: Fields): Direction | undefined {
  const direction = textField(line, "direction");
  return direction === "client-to-server" || direction === "server-to-client"
    ? direction
    : undefined;
}
