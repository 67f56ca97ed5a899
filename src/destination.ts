/** A connection in, where it goes as one text out. */
import type { Connection } from "./connections/types.ts";

/** Where to, by name where one was said; of what was accepted, where: the other end's port says nothing. */
export function destinationOf(connection: Connection): string {
  const { direction, local, remote, path, names } = connection;
  if (connection.protocol === "unix") return path ?? "(unnamed)";
  if (direction === "accepted") return `port ${local?.port ?? "unknown"}`;
  if (remote === undefined) return "unknown";
  const name = names.at(-1)?.name;
  const host = name ?? (remote.address.includes(":") ? `[${remote.address}]` : remote.address);
  return `${host}:${remote.port}`;
}

/** It asks for an address, of which the connection that follows makes use: DNS, and the daemons that ask for others. */
export function isLookup({ protocol, remote, path }: Connection): boolean {
  if (protocol === "unix") return path !== undefined && LOOKUP_PATHS.has(path);
  return remote?.port === 53;
}

const LOOKUP_PATHS = new Set([
  "/var/run/nscd/socket",
  "/run/nscd/socket",
  "/run/systemd/resolve/io.systemd.Resolve",
  "/run/systemd/userdb/io.systemd.DynamicUser",
]);
