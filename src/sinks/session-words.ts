/** A session's line in, what the console says of it out. */
import type { Party } from "../capture/types.ts";
import type { PartyInfo, SessionLine } from "../exchange/types.ts";
import { partyName } from "../names.ts";
import { isProcess } from "../party.ts";
import { formatCount, plural } from "./quantity.ts";

const WHAT = { start: "session starts", update: "session", end: "session ends" };

export interface SessionContext {
  /** The line does not show them beside it. */
  readonly withPids: boolean;
  /** Lines of progress that were not shown, of calls without an answer. */
  readonly leftOut: number;
}

/** "session ends: server exited with code 0, 12 messages, 1 call without an answer" */
export function sessionWords(line: SessionLine, context: SessionContext): string {
  const details = (line.event === "end" ? endOf(line, context) : knownOf(line, context)).filter(
    (part) => part !== "",
  );
  if (line.event === "update" && details.length === 0) details.push("client and server told apart");
  return [WHAT[line.event], details.join(", ")].filter((part) => part !== "").join(": ");
}

function endOf({ session, messages, openCalls }: SessionLine, { leftOut }: SessionContext) {
  return [
    session.endReason ?? "channel closed",
    plural(messages, "message"),
    openCalls > 0 ? `${plural(openCalls, "call")} without an answer` : "",
    leftOut > 0 ? `${formatCount(leftOut)} of progress not shown` : "",
  ];
}

function knownOf({ session, event, left }: SessionLine, { withPids }: SessionContext) {
  const { protocolVersion, clientInfo, serverInfo, client, server, lateAttach } = session;
  const pids = withPids && event === "start";
  return [
    protocolVersion === undefined ? "" : `MCP ${protocolVersion}`,
    describeParty("client", clientInfo, pids ? client : undefined),
    describeParty("server", serverInfo, pids ? server : undefined),
    lateAttach ? "was running already" : "",
    left === undefined ? "" : `took over from ${leftWords(left)}`,
  ];
}

/** "python[12] (exit code 1)" */
function leftWords(left: Party): string {
  if (!isProcess(left)) return left.address;
  const { code, signal } = left.exit ?? {};
  const manner = signal === undefined ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
  return `${partyName(left)}[${left.pid}] (${manner})`;
}

/** "client claude 1.0 (pid 12345)"; "": nothing is known of it. */
function describeParty(
  role: string,
  info: PartyInfo | undefined,
  party: Party | undefined,
): string {
  const pid = isProcess(party) ? `(pid ${party.pid})` : "";
  const words = [info?.name, info?.version, pid].filter(
    (word) => word !== undefined && word !== "",
  );
  return words.length === 0 ? "" : [role, ...words].join(" ");
}
