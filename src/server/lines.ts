/** Sessions, calls, connections and effects in, a line each for people and models out. */
import { formatBytes, formatMs, plural } from "../sinks/quantity.ts";
import type {
  CallRecord,
  ConnectionRecord,
  EffectRecord,
  PartyRecord,
  SessionRecord,
} from "../store/types.ts";
import { authority } from "./shapes.ts";
import { isoTime } from "./when.ts";

/** "12:34:56.789", UTC. */
function clock(ms: number): string {
  return isoTime(ms).slice(11, 23);
}

function partyText(party: PartyRecord): string {
  return party.pid === undefined ? party.name : `${party.name}[${party.pid}]`;
}

export function sessionLine(session: SessionRecord): string {
  const state =
    session.endMs === undefined
      ? "open"
      : `ended ${clock(session.endMs)} ${session.endReason ?? ""}`;
  const failed = session.failedCalls > 0 ? `, ${session.failedCalls} failed` : "";
  return `${session.id}  ${partyText(session.client)} → ${partyText(session.server)} ${session.transport}, since ${isoTime(session.startMs)}, ${state.trimEnd()}: ${plural(session.calls, "call")}${failed}`;
}

export function callLine(call: CallRecord): string {
  const name = call.target === undefined ? call.method : `${call.method} ${call.target}`;
  const waited = call.durationMs === undefined ? "" : ` in ${formatMs(call.durationMs)}`;
  const error = [call.errorCode, call.errorText].filter((part) => part !== undefined).join(" ");
  const caused = effectCounts(call);
  return `${call.id}  ${isoTime(call.startMs)} ${call.clientName} → ${call.serverName} ${name}: ${call.status}${waited}${error === "" ? "" : ` (${error})`}${caused === "" ? "" : `; caused ${caused}`}`;
}

function effectCounts({ effects }: CallRecord): string {
  const parts: string[] = [];
  if (effects.exec > 0) parts.push(plural(effects.exec, "program"));
  if (effects.connect > 0) parts.push(plural(effects.connect, "connection"));
  if (effects.file > 0) parts.push(plural(effects.file, "file change"));
  return parts.join(", ");
}

/** "api.github.com:443", "10.0.0.5:5432", "/run/x.sock". */
export function destination(connection: ConnectionRecord): string {
  if (connection.path !== undefined) return connection.path;
  const { hostName, remoteAddress, remotePort } = connection;
  return authority(hostName ?? remoteAddress, remotePort) ?? "unknown";
}

export function connectionLine(connection: ConnectionRecord): string {
  const who =
    connection.pid === undefined ? "nobody" : `${connection.comm ?? "?"}[${connection.pid}]`;
  const arrow = connection.direction === "outgoing" ? "→" : "←";
  return `${isoTime(connection.startMs)} ${who} ${arrow} ${connection.protocol} ${outcomeText(connection)}${connection.callId === undefined ? "" : `; of call ${connection.callId}`}`;
}

/** "api.github.com:443 closed, handshake 12.3 ms, open 1.24 s, 1.2 kB out, 3.4 kB in" */
function outcomeText(connection: ConnectionRecord): string {
  const { outcome, errno, latencyMs, sentBytes, receivedBytes } = connection;
  const openMs = openFor(connection);
  const moved = sentBytes + receivedBytes > 0;
  return [
    `${destination(connection)} ${outcome}${errno === undefined ? "" : ` (${errno})`}`,
    ...(latencyMs === undefined ? [] : [`handshake ${formatMs(latencyMs)}`]),
    ...(openMs === undefined ? [] : [`open ${formatMs(openMs)}`]),
    ...(moved ? [`${formatBytes(sentBytes)} out`, `${formatBytes(receivedBytes)} in`] : []),
  ].join(", ");
}

/** undefined: it is open still, was never, or was so before anybody listened. */
function openFor({ startMs, endMs, openBefore, wasEstablished }: ConnectionRecord) {
  if (endMs === undefined || openBefore || !wasEstablished) return undefined;
  return Math.max(0, endMs - startMs);
}

export function effectLine(effect: EffectRecord): string {
  const perhaps =
    effect.candidates.length === 0
      ? ""
      : ` (may be of any of ${effect.candidates.length} calls that were open)`;
  return `↳ ${clock(effect.timeMs)} ${effect.comm}[${effect.pid}] ${deedText(effect)}${perhaps}`;
}

function deedText(effect: EffectRecord): string {
  switch (effect.kind) {
    case "exec":
      return `exec ${effect.argv.join(" ")}${exitText(effect)}`;
    case "fork":
      return `fork ${effect.childPid}`;
    case "connect":
      return `connect ${effect.connection.protocol} ${outcomeText(effect.connection)}`;
    case "file":
      return `${effect.change} ${effect.path}${effect.to === undefined ? "" : ` → ${effect.to}`}`;
  }
}

function exitText(exec: {
  readonly exitCode: number | undefined;
  readonly exitSignal: number | undefined;
}): string {
  if (exec.exitSignal !== undefined) return `, killed by signal ${exec.exitSignal}`;
  return exec.exitCode === undefined ? "" : `, exit ${exec.exitCode}`;
}
