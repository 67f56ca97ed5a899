/** Connection lines for the sinks' tests; each argument overrides a part. */
import type { Connection, ConnectionLine } from "../../../src/connections/types.ts";
import { process, TIME_NS } from "./items.ts";

export function connection(over: Partial<Connection> = {}): Connection {
  return {
    id: "c:17",
    process: process(),
    direction: "outgoing",
    protocol: "tcp",
    family: "inet",
    socketType: "stream",
    local: { address: "10.0.0.5", port: 41_234 },
    remote: { address: "140.82.121.6", port: 443 },
    path: undefined,
    peer: undefined,
    startNs: TIME_NS - 300_000_000,
    openBefore: false,
    outcome: "established",
    errno: undefined,
    establishedNs: TIME_NS - 288_000_000,
    latencyMs: 12,
    endNs: undefined,
    sentBytes: 0,
    receivedBytes: 0,
    closedBy: undefined,
    names: [],
    ...over,
  };
}

export function connectionLine(
  event: ConnectionLine["event"],
  over: Partial<Connection> = {},
): ConnectionLine {
  const endNs = event === "end" ? TIME_NS : undefined;
  return { kind: "connection", event, connection: connection({ endNs, ...over }), timeNs: TIME_NS };
}

export const SNI = { name: "api.github.com", source: "sni", timeNs: TIME_NS } as const;
