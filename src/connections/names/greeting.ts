/** What a connection begins with in, the name of whom it is meant for out: SNI of a ClientHello, Host of a request. */
import type { HostName } from "../types.ts";

/** undefined: it does not say, or cannot be read. */
export function readGreeting(bytes: Buffer): Pick<HostName, "name" | "source"> | undefined {
  const isTls = bytes[0] === 0x16;
  const name = isTls ? readServerName(bytes) : readHost(bytes);
  return name === undefined ? undefined : { name, source: isTls ? "sni" : "http" };
}

/** What may stand in a host's name, an address in brackets, or a port. */
const PLAIN = /^[A-Za-z0-9._:[\]-]{1,255}$/;

/** RFC 8446, 4.1.2; RFC 6066, 3. The bytes may be cut anywhere. */
function readServerName(bytes: Buffer): string | undefined {
  // record header 5, handshake header 4, version 2, random 32
  if (bytes[5] !== 1) return undefined;
  let at = 43;
  at += 1 + (bytes[at] ?? 0);
  if (at + 2 > bytes.length) return undefined;
  at += 2 + bytes.readUInt16BE(at);
  at += 1 + (bytes[at] ?? 0);
  if (at + 2 > bytes.length) return undefined;
  const end = Math.min(at + 2 + bytes.readUInt16BE(at), bytes.length);
  at += 2;
  while (at + 4 <= end) {
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    if (type === 0) return readNameList(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return undefined;
}

function readNameList(list: Buffer): string | undefined {
  // length of the list 2, type 1 (0: host name), length 2
  if (list.length < 5 || list[2] !== 0) return undefined;
  const length = list.readUInt16BE(3);
  if (5 + length > list.length) return undefined;
  const name = list.toString("latin1", 5, 5 + length);
  return PLAIN.test(name) ? name.toLowerCase() : undefined;
}

const MAX_FIELDS = 100;

/** Of a request to a proxy nothing is said: it names somebody behind it. */
function readHost(bytes: Buffer): string | undefined {
  const lines = bytes.toString("latin1").split("\r\n", MAX_FIELDS);
  const [, target = ""] = (lines[0] ?? "").split(" ", 2);
  if (!target.startsWith("/")) return undefined;
  // a last line may be cut
  for (const line of lines.slice(1, -1)) {
    if (line === "") return undefined;
    if (!/^host:/i.test(line)) continue;
    const host = line.slice(5).trim().replace(/:\d+$/, "");
    return PLAIN.test(host) ? host.toLowerCase() : undefined;
  }
  return undefined;
}
