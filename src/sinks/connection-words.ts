/** A connection in, what a console line says of it out. */
import type { Connection, ConnectionLine } from "../connections/types.ts";
import type { Ends } from "./console-ends.ts";
import { formatBytes, formatMs } from "./quantity.ts";
import { addressOf } from "./transport.ts";

/** An attempt that came to nothing, or an end that was none in order. */
export function isFailedConnection({ outcome }: Connection): boolean {
  return outcome !== "in_progress" && outcome !== "established" && outcome !== "closed";
}

/** Who connected, and where to: by name and port. */
export function connectionEnds(connection: Connection): Omit<Ends, "session"> {
  const { direction, process, peer, local, remote, path } = connection;
  const host = remote === undefined ? undefined : { address: remote.address };
  const other = peer ?? host;
  const from = direction === "outgoing" ? process : other;
  const to = direction === "outgoing" ? other : process;
  if (connection.protocol === "unix") {
    const target = path ?? "";
    const standsAlone = to === undefined && target !== "";
    return { from, to, place: { authority: undefined, target, server: "to", standsAlone } };
  }
  const end = direction === "outgoing" ? remote : local;
  if (end === undefined) return { from, to };
  const name = direction === "outgoing" ? connection.names.at(-1)?.name : undefined;
  const authority = name === undefined ? addressOf(end.address, end) : `${name}:${end.port}`;
  // a process is named beside the place, another host by the place alone
  const standsAlone = direction === "outgoing" && peer === undefined;
  return { from, to, place: { authority, target: "", server: "to", standsAlone } };
}

/** "tcp established 12.3 ms", "tcp closed by remote after 1.2 s, 1.2 kB sent, 3.4 kB received", "tcp refused ECONNREFUSED" */
export function connectionWords(line: ConnectionLine): string {
  const { connection, event } = line;
  const { protocol, outcome, errno, closedBy, latencyMs, startNs, endNs } = connection;
  const words: string[] = [protocol, outcome.replaceAll("_", " ")];
  if (errno !== undefined) words.push(errno);
  if (event === "end" && closedBy !== undefined) words.push(`by ${closedBy}`);
  if (event === "start" && latencyMs !== undefined) words.push(formatMs(latencyMs));
  if (connection.openBefore) words.push("since before");
  let text = words.join(" ");
  if (event === "end" && endNs !== undefined) text += ` after ${formatMs((endNs - startNs) / 1e6)}`;
  if (event === "start" || connection.establishedNs === undefined) return text;
  return `${text}, ${formatBytes(connection.sentBytes)} sent, ${formatBytes(connection.receivedBytes)} received`;
}
