/** Losses of channels that carry no JSON-RPC are nobody's business; until that is known they wait here. */
import type { Channel } from "../capture/types.ts";
import type { Frame, HttpExchange, Loss } from "../framing/types.ts";
import type { Stage } from "../stage.ts";
import { opensLikeMessage } from "./opening.ts";
import type { MessageItem } from "./types.ts";

// Bytes that may have been anything, a whole session even: told at the end of a channel that said nothing else. The other
// losses are told there when the channel begins like a message (a server that dies inside its first answer is heard of),
// or beside these: what a gap cut off is as likely a message as what the gap took, and the sum must hold.
const SUSPICIOUS: ReadonlySet<Loss["reason"]> = new Set(["ring_full", "unseen_read"]);
const MAX_WAITING = 10_000;
const NOTHING: readonly MessageItem[] = [];

/**
 * Losses come out in their place on channels with messages, later or never on others. Over HTTP the two directions of a
 * connection are one: a message, an answer without one on an MCP endpoint, or a header of MCP's on either lets the losses
 * of both out; HTTP without any of these says nothing.
 */
export class LossGate implements Stage<MessageItem, MessageItem> {
  /** Weak: an exchange may end after its channels. */
  readonly #speaking = new WeakSet<Channel>();
  /** Whole lines were read that are no message: what they began with says nothing. */
  readonly #noisy = new WeakSet<Channel>();
  /** HTTP was read. */
  readonly #http = new WeakSet<Channel>();
  /** One loss a reason: sums. */
  readonly #waiting = new Map<Channel, Map<Loss["reason"], Loss>>();

  push(item: MessageItem): readonly MessageItem[] {
    switch (item.kind) {
      case "message":
        return this.#hearFrame(item.frame, item);
      case "loss":
        return this.#hold(item);
      case "noise":
        if (item.of === "text") this.#noisy.add(item.channel);
        else this.#http.add(item.channel);
        return [item];
      case "http-verdict":
        if (item.verdict === "other") return [item];
        return this.#open([item.channel, item.channel.reverse], item);
      case "http-endpoint":
      case "http-end":
        return this.#open(channelsOf(item.exchange), item);
      case "end":
        return this.#end(item.channel, item);
      default:
        return [item];
    }
  }

  end(): readonly MessageItem[] {
    const told = [...this.#waiting.keys()].flatMap((channel) => this.#atEnd(channel));
    this.#waiting.clear();
    return told;
  }

  #hearFrame({ channel, http }: Frame, item: MessageItem): readonly MessageItem[] {
    if (http === undefined) {
      return this.#speaking.has(channel) ? [item] : this.#open([channel], item);
    }
    return this.#open(channelsOf(http.exchange), item);
  }

  #open(channels: readonly (Channel | undefined)[], item: MessageItem): readonly MessageItem[] {
    const told: MessageItem[] = [];
    for (const channel of channels) {
      if (channel === undefined || this.#speaking.has(channel)) continue;
      this.#speaking.add(channel);
      told.push(...(this.#waiting.get(channel)?.values() ?? []));
      this.#waiting.delete(channel);
    }
    told.push(item);
    return told;
  }

  #hold(loss: Loss): readonly MessageItem[] {
    const { channel } = loss;
    if (channel === undefined || this.#speaking.has(channel)) return [loss];
    const waiting = this.#waiting.get(channel);
    if (!waiting && this.#waiting.size >= MAX_WAITING) {
      return this.#isOtherHttp(channel) ? NOTHING : [loss];
    }
    const sums = waiting ?? new Map<Loss["reason"], Loss>();
    if (!waiting) this.#waiting.set(channel, sums);
    const before = sums.get(loss.reason)?.bytes ?? 0;
    sums.set(loss.reason, { ...loss, bytes: before + loss.bytes });
    return NOTHING;
  }

  #end(channel: Channel, item: MessageItem): readonly MessageItem[] {
    const told = this.#speaking.has(channel) ? NOTHING : this.#atEnd(channel);
    this.#speaking.delete(channel);
    this.#waiting.delete(channel);
    return [...told, item];
  }

  /** What is told of a channel that had no message. */
  #atEnd(channel: Channel): readonly MessageItem[] {
    const losses = [...(this.#waiting.get(channel)?.values() ?? [])];
    if (losses.length === 0 || this.#isOtherHttp(channel)) return NOTHING;
    const { opening, reverse } = channel;
    // its other direction was found to be that of messages after their last
    if (reverse !== undefined && this.#http.has(channel) && this.#speaking.has(reverse)) {
      return losses;
    }
    if (isOwn(channel) && !opensLikeMessage(opening)) return NOTHING;
    const suspicious = losses.filter(({ reason }) => SUSPICIOUS.has(reason));
    if (this.#noisy.has(channel)) return suspicious;
    return suspicious.length > 0 || opensLikeMessage(opening) ? losses : NOTHING;
  }

  #isOtherHttp(channel: Channel): boolean {
    const { reverse } = channel;
    if (reverse === undefined) return this.#http.has(channel);
    if (this.#speaking.has(reverse)) return false;
    return this.#http.has(channel) || this.#http.has(reverse);
  }
}

function channelsOf({ requestChannel, responseChannel }: HttpExchange) {
  return [requestChannel, responseChannel];
}

/** A process that wakes itself by a pipe talks to nobody. */
function isOwn({ reader, writer }: Channel): boolean {
  return reader !== undefined && reader === writer;
}
