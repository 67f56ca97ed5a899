/** Noise of one direction in, what of it is due to be told out: the first at once, then now and then. */
import type { Channel } from "../../capture/types.ts";
import type { Noise } from "../../framing/types.ts";

/** Between the first two lines about one direction; each time twice as long, up to the other. */
const FIRST_BETWEEN_NS = 1_000_000_000;
const MOST_BETWEEN_NS = 60_000_000_000;

/** What was said in a while, and how much. */
export interface NoiseSum {
  channel: Channel;
  bytes: number;
  lines: number;
  /** "": only blanks so far. */
  text: string;
  holdsMessage: boolean;
  timeNs: number;
}

export function addNoise(sum: NoiseSum | undefined, { channel, bytes, text }: Noise): NoiseSum {
  const added = sum ?? newSum(channel);
  added.bytes += bytes;
  if (text === undefined) return added;
  added.lines += text.lines;
  if (!isMoreTelling(text, added)) return added;
  added.channel = channel;
  added.text = text.head;
  added.holdsMessage = text.holdsMessage;
  added.timeNs = text.timeNs;
  return added;
}

/** The first that is said is shown, or the first that holds a message. */
export function isMoreTelling(
  more: Pick<NoiseSum, "holdsMessage">,
  sum: Pick<NoiseSum, "text" | "holdsMessage">,
): boolean {
  return sum.text === "" || (more.holdsMessage && !sum.holdsMessage);
}

export class UntoldNoise {
  #sum: NoiseSum | undefined;
  #nextNs = Number.NEGATIVE_INFINITY;
  #betweenNs = FIRST_BETWEEN_NS;
  #hasToldMessage = false;

  add(noise: Noise): void {
    this.#sum = addNoise(this.#sum, noise);
  }

  /** What was heard before its session was known. */
  addSum(early: NoiseSum): void {
    const sum = this.#sum;
    if (sum === undefined) {
      this.#sum = early;
      return;
    }
    // it was said first
    const isFirst = early.text !== "" && (early.holdsMessage || !sum.holdsMessage);
    const said = isFirst ? early : sum;
    this.#sum = { ...said, bytes: early.bytes + sum.bytes, lines: early.lines + sum.lines };
  }

  /** `nowNs` Infinity: nothing more will come. */
  take(nowNs: number): NoiseSum | undefined {
    const sum = this.#sum;
    if (sum === undefined) return undefined;
    const isNews = sum.holdsMessage && !this.#hasToldMessage;
    if (Number.isFinite(nowNs) && (sum.text === "" || (nowNs < this.#nextNs && !isNews))) {
      return undefined;
    }
    this.#sum = undefined;
    this.#nextNs = nowNs + this.#betweenNs;
    this.#betweenNs = Math.min(this.#betweenNs * 2, MOST_BETWEEN_NS);
    this.#hasToldMessage ||= sum.holdsMessage;
    return sum;
  }
}

function newSum(channel: Channel): NoiseSum {
  return { channel, bytes: 0, lines: 0, text: "", holdsMessage: false, timeNs: 0 };
}
