/** A connection as it is now in, its row out. */
import type { Connection, ConnectionLine, HostName } from "../connections/types.ts";
import type { ConnectionRow } from "./batch.ts";
import { plainOrNull, plainText } from "./plain-text.ts";

/** Names of one connection that are stored: the latest. */
const MAX_NAMES = 8;

export interface ConnectionPlace {
  readonly id: number;
  readonly event: ConnectionLine["event"];
  readonly processId: number | null;
  readonly peerId: number | null;
  readonly micros: (timeNs: number) => number;
  readonly isNew: boolean;
  readonly isTold: boolean;
  readonly isOver: boolean;
}

export function connectionRow(connection: Connection, place: ConnectionPlace): ConnectionRow {
  const { process, local, remote, names, endNs, latencyMs, establishedNs } = connection;
  const named = bestName(names);
  const { micros, ...rest } = place;
  return {
    ...rest,
    name: plainText(connection.id),
    pid: process?.pid ?? null,
    comm: plainOrNull(process?.comm),
    containerId: plainOrNull(process?.containerId),
    direction: connection.direction,
    protocol: connection.protocol,
    family: connection.family,
    socketType: connection.socketType,
    localAddress: plainOrNull(local?.address),
    localPort: local?.port ?? null,
    remoteAddress: plainOrNull(remote?.address),
    remotePort: remote?.port ?? null,
    path: plainOrNull(connection.path),
    hostName: plainOrNull(named?.name),
    hostSource: named?.source ?? null,
    names: names.length === 0 ? null : namesText(names, micros),
    startUs: micros(connection.startNs),
    startNs: connection.startNs,
    openBefore: connection.openBefore,
    outcome: connection.outcome,
    errno: plainOrNull(connection.errno),
    established: isEstablished(connection),
    establishedUs: establishedNs === undefined ? null : micros(establishedNs),
    latencyUs: latencyMs === undefined ? null : Math.round(latencyMs * 1000),
    endUs: endNs === undefined ? null : micros(endNs),
    lastedUs: endNs === undefined ? null : Math.round((endNs - connection.startNs) / 1000),
    sentBytes: connection.sentBytes,
    receivedBytes: connection.receivedBytes,
    closedBy: connection.closedBy ?? null,
  };
}

/** The address or path that it goes to, as it is looked for; null: not known. */
export function hostOf({ remote, path }: Connection): string | null {
  if (remote !== undefined) return plainText(remote.address).toLowerCase();
  return path === undefined ? null : plainText(path).toLowerCase();
}

/** The name that it was reached by, as it is looked for. */
export function namedHostOf({ names }: Connection): string | null {
  const named = bestName(names);
  return named === undefined ? null : plainText(named.name).toLowerCase();
}

/** What was said on the connection itself before what any process asked for; the latest of these. */
function bestName(names: readonly HostName[]): HostName | undefined {
  return names.findLast(({ source }) => source !== "dns") ?? names.at(-1);
}

function namesText(names: readonly HostName[], micros: ConnectionPlace["micros"]): string {
  return JSON.stringify(
    names
      .slice(-MAX_NAMES)
      .map(({ name, source, timeNs }) => [plainText(name), source, micros(timeNs)]),
  );
}

function isEstablished({ outcome, latencyMs, establishedNs, openBefore }: Connection): boolean {
  if (outcome === "established" || outcome === "closed" || outcome === "reset") return true;
  return latencyMs !== undefined || establishedNs !== undefined || openBefore;
}
