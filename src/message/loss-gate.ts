/** Losses of channels that carry no JSON-RPC are nobody's business; until that is known they wait here. */
import type { Channel } from "../capture/types.ts";
import type { Loss } from "../framing/types.ts";
import type { Stage } from "../stage.ts";
import { opensLikeMessage } from "./opening.ts";
import type { MessageItem } from "./types.ts";

// Bytes that may have been anything, a whole session even: told at the end of a channel that said nothing else. The other
// losses are told there when the channel begins like a message (a server that dies inside its first answer is heard of),
// or beside these: what a gap cut off is as likely a message as what the gap took, and the sum must hold.
const SUSPICIOUS: ReadonlySet<Loss["reason"]> = new Set(["ring_full", "unseen_read"]);
const MAX_WAITING = 10_000;

/** Losses come out in their place on channels with messages, later or never on others. */
export class LossGate implements Stage<MessageItem, MessageItem> {
  readonly #speaking = new Set<Channel>();
  /** Whole lines were read that are no message: what they began with says nothing. */
  readonly #noisy = new WeakSet<Channel>();
  /** One loss a reason: sums. */
  readonly #waiting = new Map<Channel, Map<Loss["reason"], Loss>>();

  push(item: MessageItem): readonly MessageItem[] {
    if (item.kind === "message") return this.#open(item.frame.channel, item);
    if (item.kind === "loss") return this.#hold(item);
    if (item.kind === "noise") this.#noisy.add(item.channel);
    if (item.kind !== "end") return [item];
    const spoke = this.#speaking.delete(item.channel);
    const told = spoke ? [] : this.#suspicious(item.channel);
    this.#waiting.delete(item.channel);
    return [...told, item];
  }

  end(): readonly MessageItem[] {
    const told = [...this.#waiting.keys()].flatMap((channel) => this.#suspicious(channel));
    this.#waiting.clear();
    this.#speaking.clear();
    return told;
  }

  #open(channel: Channel, item: MessageItem): readonly MessageItem[] {
    if (this.#speaking.has(channel)) return [item];
    this.#speaking.add(channel);
    const waiting = this.#waiting.get(channel);
    this.#waiting.delete(channel);
    return waiting ? [...waiting.values(), item] : [item];
  }

  #hold(loss: Loss): readonly MessageItem[] {
    if (!loss.channel || this.#speaking.has(loss.channel)) return [loss];
    const waiting = this.#waiting.get(loss.channel);
    if (!waiting && this.#waiting.size >= MAX_WAITING) return [loss];
    const sums = waiting ?? new Map<Loss["reason"], Loss>();
    if (!waiting) this.#waiting.set(loss.channel, sums);
    const before = sums.get(loss.reason)?.bytes ?? 0;
    sums.set(loss.reason, { ...loss, bytes: before + loss.bytes });
    return [];
  }

  #suspicious(channel: Channel): MessageItem[] {
    if (isOwn(channel) && !opensLikeMessage(channel.opening)) return [];
    const losses = [...(this.#waiting.get(channel)?.values() ?? [])];
    const suspicious = losses.filter(({ reason }) => SUSPICIOUS.has(reason));
    if (this.#noisy.has(channel)) return suspicious;
    return suspicious.length > 0 || opensLikeMessage(channel.opening) ? losses : [];
  }
}

/** A process that wakes itself by a pipe talks to nobody. */
function isOwn({ reader, writer }: Channel): boolean {
  return reader !== undefined && reader === writer;
}
