/** What is known of the ends of a session's parties: who is gone, since when, and how that is said. */
import type { Party, ProcessExit } from "../../capture/types.ts";
import { isProcess } from "../../party.ts";
import { signalName } from "./signals.ts";

export interface EndCause {
  readonly reason: string;
  readonly timeNs: number;
}

/** An exit may be noted on the process before the bytes that it wrote or read earlier come in. */
export function isGone(party: Party | undefined, nowNs: number): boolean {
  const exit = exitOf(party);
  return exit !== undefined && exit.timeNs <= nowNs;
}

/** undefined: it lives, or is another host, whose end nobody sees. */
export function exitOf(party: Party | undefined): ProcessExit | undefined {
  return isProcess(party) ? party.exit : undefined;
}

/** The exit of the party that went first; undefined: both live, as far as is known. */
export function firstExit(
  client: Party | undefined,
  server: Party | undefined,
): EndCause | undefined {
  const ofClient = exitCause("client", client);
  const ofServer = exitCause("server", server);
  if (ofClient === undefined || ofServer === undefined) return ofClient ?? ofServer;
  return ofClient.timeNs < ofServer.timeNs ? ofClient : ofServer;
}

export function exitCause(
  role: "client" | "server",
  party: Party | undefined,
): EndCause | undefined {
  const exit = exitOf(party);
  if (exit === undefined) return undefined;
  return { reason: `${role} ${manner(exit.code, exit.signal)}`, timeNs: exit.timeNs };
}

function manner(code: number | undefined, signal: number | undefined): string {
  if (signal !== undefined) return `was killed by ${signalName(signal)}`;
  return code === undefined ? "exited" : `exited with code ${code}`;
}
