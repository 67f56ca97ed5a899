/** A message in, what the console says of it beside what it says itself out: its id, how long, how large, what is odd. */
import type { Party } from "../capture/types.ts";
import type { MessageLine } from "../exchange/types.ts";
import { isProcess } from "../party.ts";
import { flagWords } from "./flag-words.ts";
import { cancelledId, progressOf } from "./message-gist.ts";
import { formatBytes, formatCount, formatMs } from "./quantity.ts";

/** A larger message shows its size. */
const LARGE_BYTES = 10_000;
/** The server took far less than the client waited: by this at least, and half of it. */
const WAITED_MS = 50;
/** Longer ids are cut; so are those that only tell calls of one tool apart. */
const MAX_ID_CHARS = 40;
const MAX_SIMILAR_CHARS = 10;

/** "(id 7)"; of a longer one the end, which is what counts up. */
export function idWords(idText: string | undefined, most = MAX_ID_CHARS): string {
  if (idText === undefined) return "(without an id)";
  return `(id ${idText.length > most ? `…${idText.slice(-most)}` : idText})`;
}

/** "7.00 s"; "7.00 s (server 102 ms)" where the client waited for something else than its server's work. */
export function tookWords(
  durationMs: number | undefined,
  serverMs: number | undefined,
): string | undefined {
  if (durationMs === undefined) return undefined;
  const waited = formatMs(durationMs);
  const isElsewhere =
    serverMs !== undefined && durationMs - serverMs > Math.max(WAITED_MS, durationMs / 2);
  return isElsewhere ? `${waited} (server ${formatMs(serverMs)})` : waited;
}

/**
 * "(id 7) 23.4 ms 200.3 kB (not UTF-8)", "57/100 (98 not shown)". `leftOut`: lines of progress of its call; `isCrowded`: only
 * the id tells that from others.
 */
export function factsOf(line: MessageLine, leftOut: number, isCrowded: boolean): string {
  const { message, durationMs, serverMs, flags } = line;
  const isAnswer = message.type === "response" || message.type === "error";
  const isProgress = message.method === "notifications/progress";
  const id = message.idText ?? line.callId ?? cancelledId(message);
  return [
    needsId(line) ? idWords(id) : isCrowded ? idWords(id, MAX_SIMILAR_CHARS) : "",
    isProgress ? progressOf(message.body) : undefined,
    isAnswer ? tookWords(durationMs, serverMs) : undefined,
    message.bytes >= LARGE_BYTES ? formatBytes(message.bytes) : undefined,
    flagWords(flags, message.jsonError),
    otherReaders(message.frame.otherReaders),
    leftOut > 0
      ? `(${formatCount(leftOut)} ${isProgress ? "" : "of progress "}not shown)`
      : undefined,
  ]
    .filter((words) => words !== undefined && words !== "")
    .join(" ");
}

/** "(also read by sh[12])" */
function otherReaders(readers: readonly Party[] = []): string {
  const names = readers.filter(isProcess).map(({ comm, pid }) => `${comm}[${pid}]`);
  return names.length === 0 ? "" : `(also read by ${names.join(", ")})`;
}

/** An answer whose request was not heard, a call that somebody gave up. */
function needsId({ message, request }: MessageLine): boolean {
  const { type, method } = message;
  if (method === "notifications/cancelled") return true;
  return (type === "response" || type === "error") && request === undefined;
}
