/** What the exchange room knows of one session, beyond what it shows. */
import type { Channel, Party, Process } from "../../capture/types.ts";
import type { Message } from "../../message/types.ts";
import type { Chains } from "../call/chains.ts";
import type { Tasks } from "../call/tasks.ts";
import { WaitingCalls } from "../call/waiting-calls.ts";
import type { Mutable } from "../mutable.ts";
import type { Session, Transport } from "../types.ts";
import type { Certainty } from "./roles.ts";
import { UntoldNoise } from "./untold-noise.ts";

/** More processes than this at one session are not watched for their exit. */
const MAX_PROCESSES = 64;

/**
 * `undecided`: nothing was MCP yet, messages are held. `presumed`: only answers were heard, and
 * nothing says that they are not MCP. `other`: JSON-RPC that is not MCP.
 */
export type Verdict = "undecided" | "presumed" | "mcp" | "other";

/** A message that waits for the verdict. */
export interface HeldMessage {
  readonly side: Side;
  readonly message: Message;
}

type Program = readonly string[] | undefined;

/** What is left out of the session's lines, and why. */
export interface Dropped {
  readonly reason: "jsonrpc_not_mcp" | "pending_limit";
  count: number;
  bytes: number;
  /** A line was written: what follows waits for the end of the session. */
  isReported: boolean;
}

/** One direction of a session: what one party writes and the other reads. */
export class Side {
  readonly state: SessionState;
  /** Set once, by the session, which makes both. */
  peer: Side = this;
  /** Usually one; empty until the first message. */
  readonly channels: Channel[] = [];
  openChannels = 0;
  /** Whom this direction belongs to; kept when others write too. */
  party: Party | undefined = undefined;
  /** The party has written in this direction itself, and read the other one: who does so after it has its place. */
  hasWritten = false;
  hasRead = false;
  writer: Party | undefined = undefined;
  reader: Party | undefined = undefined;
  lastNs = 0;
  /** Text beside its messages that is not told yet. */
  readonly noise = new UntoldNoise();
  /** What answers requests of this direction was not heard until then, for a while. */
  deafUntilNs = Number.NEGATIVE_INFINITY;
  /** Requests sent in this direction that wait for an answer. */
  readonly calls = new WaitingCalls();

  constructor(state: SessionState) {
    this.state = state;
  }
}

export class SessionState {
  readonly session: Mutable<Session>;
  readonly first: Side;
  readonly second: Side;
  /** The direction that the client writes. */
  client: Side;
  certainty: Certainty = 0;
  verdict: Verdict = "undecided";
  readonly processes: Process[] = [];
  held: HeldMessage[] = [];
  heldChars = 0;
  heldSinceNs = 0;
  messages = 0;
  started = false;
  /** Requests were heard: an `initialize` after that does not show the session's start. */
  requestsSeen = false;
  updates = 0;
  /** The party that was followed by another one since the last line of the session. */
  left: Process | undefined = undefined;
  /** Gone, with calls that they had read and that are not known to be over. */
  dead: Process[] = [];
  /** Command lines of client and server, as they were last looked at. */
  programs: readonly [client: Program, server: Program] = [undefined, undefined];
  /** The old HTTP+SSE transport: a POST is accepted only, its answer is an event of the session's stream. */
  answersOnStream = false;
  firstClosed: Side | undefined = undefined;
  closedNs = 0;
  chains: Chains | undefined = undefined;
  tasks: Tasks | undefined = undefined;
  readonly other: Dropped = {
    reason: "jsonrpc_not_mcp",
    count: 0,
    bytes: 0,
    isReported: false,
  };
  readonly forgotten: Dropped = { reason: "pending_limit", count: 0, bytes: 0, isReported: false };

  constructor(id: string, transport: Transport, startNs: number) {
    this.first = new Side(this);
    this.second = new Side(this);
    this.first.peer = this.second;
    this.second.peer = this.first;
    this.client = this.first;
    this.session = {
      id,
      transport,
      client: undefined,
      server: undefined,
      httpSessionId: undefined,
      authority: undefined,
      clientInfo: undefined,
      serverInfo: undefined,
      protocolVersion: undefined,
      era: undefined,
      clientCapabilities: undefined,
      serverCapabilities: undefined,
      startNs,
      endNs: undefined,
      endReason: undefined,
      lateAttach: true,
    };
  }

  get openCalls(): number {
    return this.first.calls.open + this.second.calls.open;
  }

  get waitingCalls(): number {
    return this.first.calls.size + this.second.calls.size;
  }

  get waitingBytes(): number {
    return this.first.calls.heldBytes + this.second.calls.heldBytes;
  }

  get lastNs(): number {
    return Math.max(this.first.lastNs, this.second.lastNs);
  }

  isWatching(process: Process): boolean {
    return this.processes.length >= MAX_PROCESSES || this.processes.includes(process);
  }
}
