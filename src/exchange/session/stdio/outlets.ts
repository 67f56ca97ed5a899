/**
 * Messages that leave by a standard error stream, and servers whose standard output nobody can hear: neither is a transport.
 * In: messages over stdio, and sessions with calls that wait. Out: coverage lines that say why they are not answered.
 */
import type { Channel, Process } from "../../../capture/types.ts";
import type { Message } from "../../../message/types.ts";
import { isProcess } from "../../../party.ts";
import type { Call } from "../../call/call.ts";
import { idKey } from "../../call/id-key.ts";
import type { CoverageLine, ExchangeItem } from "../../types.ts";
import type { SessionState, Side } from "../session-state.ts";

/** What one channel carried of messages that are none. */
interface Stray {
  readonly channel: Channel;
  readonly writer: Process;
  count: number;
  bytes: number;
  /** Of the last message. */
  timeNs: number;
  isReported: boolean;
}

/** Why a call is not answered. */
interface Reason {
  readonly reason: string;
  readonly channel: Channel | undefined;
}

export class Outlets {
  readonly #strays = new Map<Channel, Stray>();
  /** Calls to which a standard error stream brought the answer. */
  readonly #answered = new WeakMap<Call, Channel>();

  get size(): number {
    return this.#strays.size;
  }

  /**
   * Who wrote the message to its standard error, as its program was given it; undefined: it left by something else.
   * `partners`: with whom its reader has sessions, for a message whose writer is not known.
   */
  strayWriter({ frame }: Message, partners: () => readonly Process[]): Process | undefined {
    const { channel } = frame;
    const writer = frame.sender ?? channel.writer;
    if (isProcess(writer)) return isStandardError(channel, writer) ? writer : undefined;
    const before = this.#strays.get(channel)?.writer;
    return before ?? partners().find((each) => isStandardError(channel, each));
  }

  /** `sessions`: those of its writer. Returns the bytes that are noise of MCP by now. */
  add(
    message: Message,
    writer: Process,
    sessions: readonly SessionState[],
    out: ExchangeItem[],
  ): number {
    const { channel, timeNs } = message.frame;
    const stray = this.#strayOf(channel, writer);
    stray.count++;
    stray.bytes += message.bytes;
    stray.timeNs = timeNs;
    this.#noteAnswer(message, stray, sessions);
    if (stray.isReported || !sessions.some(({ started }) => started)) return 0;
    stray.isReported = true;
    return report(stray, out);
  }

  /** The channel is over. Returns as `add`. */
  close(channel: Channel, out: ExchangeItem[]): number {
    const stray = this.#strays.get(channel);
    if (stray === undefined) return 0;
    this.#strays.delete(channel);
    return stray.isReported ? report(stray, out) : 0;
  }

  /** Nothing more will come. Returns as `add`. */
  end(out: ExchangeItem[]): number {
    return [...this.#strays.keys()].reduce((sum, each) => sum + this.close(each, out), 0);
  }

  /** Why the session's calls are not answered, where that is known: before they are given up. */
  explain(state: SessionState, timeNs: number, out: ExchangeItem[]): void {
    for (const side of [state.first, state.second]) this.#explainSide(side, timeNs, out);
  }

  #explainSide(side: Side, timeNs: number, out: ExchangeItem[]): void {
    if (side.calls.open === 0) return;
    const server = side.peer.party;
    if (!isProcess(server)) return;
    const silent = silentOutput(side, server);
    const counts = new Map<string, { reason: Reason; count: number }>();
    for (const call of side.calls.all()) {
      if (call.cancelled) continue;
      const stray = this.#answered.get(call);
      const reason = stray === undefined ? silent : { reason: "stderr_answer", channel: stray };
      if (reason === undefined) continue;
      const known = counts.get(reason.reason);
      if (known === undefined) counts.set(reason.reason, { reason, count: 1 });
      else known.count++;
    }
    for (const { reason, count } of counts.values()) {
      out.push({ kind: "coverage", ...reason, process: server, bytes: 0, count, timeNs });
    }
  }

  #strayOf(channel: Channel, writer: Process): Stray {
    const known = this.#strays.get(channel);
    if (known !== undefined) return known;
    const stray = { channel, writer, count: 0, bytes: 0, timeNs: 0, isReported: false };
    this.#strays.set(channel, stray);
    return stray;
  }

  /** A copy of an answer, or the answer itself: only when no other comes it was that. */
  #noteAnswer(message: Message, { channel, writer }: Stray, sessions: readonly SessionState[]) {
    if (message.method !== undefined || message.idText === undefined) return;
    const key = idKey(message.idText);
    for (const { first, second } of sessions) {
      for (const side of [first, second]) {
        const call = side.reader === writer ? side.calls.find(key) : undefined;
        if (call !== undefined) this.#answered.set(call, channel);
      }
    }
  }
}

/** `2>&1` makes it standard output as well, which it is then. */
function isStandardError(channel: Channel, { streams }: Process): boolean {
  const [, output, error] = streams ?? [];
  if (error === undefined || channel.isFedBy?.(error) !== true) return false;
  return output === undefined || channel.isFedBy(output) !== true;
}

/** Nothing came back, and what the server says goes where nobody can listen to it. */
function silentOutput(side: Side, server: Process): Reason | undefined {
  const [, output] = server.streams ?? [];
  const kind = output?.kind;
  if (side.peer.channels.length > 0) return undefined;
  if (kind !== "terminal" && kind !== "file" && kind !== "null") return undefined;
  return { reason: `stdout_${kind}`, channel: side.channels[0] };
}

function report(stray: Stray, out: ExchangeItem[]): number {
  const { channel, writer, count, bytes, timeNs } = stray;
  if (count === 0) return 0;
  stray.count = 0;
  stray.bytes = 0;
  const line = { reason: "stderr", channel, process: writer, bytes, count, timeNs } as const;
  out.push({ kind: "coverage", ...line } satisfies CoverageLine);
  return bytes;
}
