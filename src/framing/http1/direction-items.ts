/** What one direction of a connection gives out, so that each of its bytes is in exactly one item. */
import type { Channel, LossReason, Party } from "../../capture/types.ts";
import { isProcess } from "../../party.ts";
import type { Blind, Chunk } from "../../stream/types.ts";
import type { Flag, FramingItem, HttpItem, HttpPlace } from "../types.ts";

/** The text of a frame, and the bytes that carried it. */
export interface FrameText {
  readonly text: string;
  readonly bytes: number;
  readonly endPosition: number;
  readonly flags: readonly Flag[];
}

export class DirectionItems {
  readonly channel: Channel;
  timeNs = 0;
  #out: FramingItem[] = [];
  #noise = 0;
  #lost = 0;
  #lossReason: LossReason = "cut_by_gap";
  #reader: Party | undefined;
  #sender: Party | undefined;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  beginChunk(chunk: Chunk, out: FramingItem[]): void {
    this.#reader = chunk.reader;
    this.#sender = chunk.sender;
    this.begin(chunk.timeNs, out);
  }

  begin(timeNs: number, out: FramingItem[]): void {
    this.timeNs = timeNs;
    this.#out = out;
  }

  push(item: FramingItem): void {
    this.#out.push(item);
  }

  /** Behind the losses of what it ends. */
  end(item: HttpItem): void {
    this.#giveLoss();
    this.push(item);
  }

  noise(bytes: number): void {
    this.#noise += bytes;
  }

  lose(bytes: number, reason: LossReason): void {
    if (this.#lost > 0 && this.#lossReason !== reason) this.#giveLoss();
    this.#lossReason = reason;
    this.#lost += bytes;
  }

  /** With a `reason` a loss, without noise. */
  spend(bytes: number, reason: LossReason | undefined): void {
    if (reason === undefined) this.noise(bytes);
    else this.lose(bytes, reason);
  }

  frame({ text, bytes, endPosition, flags }: FrameText, http: HttpPlace): void {
    const { channel, timeNs } = this;
    const reader = this.#reader;
    if (reader === undefined) {
      this.noise(bytes);
      return;
    }
    this.#giveLoss();
    this.push({
      kind: "frame",
      channel,
      text,
      bytes,
      endPosition,
      timeNs,
      reader,
      sender: this.#sender,
      sentNs: undefined,
      http,
      flags,
    });
  }

  /** What follows is not heard; named is who reads it. */
  blind(reason: Blind["reason"]): void {
    const { channel, timeNs } = this;
    const reader = this.#reader;
    const process = reader !== undefined && isProcess(reader) ? reader : undefined;
    this.push({ kind: "blind", channel, process, reason, bytes: 0, timeNs });
  }

  /** Gives out what was only counted; at the end of each push. */
  flush(): void {
    this.#giveLoss();
    if (this.#noise > 0) {
      this.push({ kind: "noise", channel: this.channel, bytes: this.#noise, of: "http" });
      this.#noise = 0;
    }
    this.#out = [];
  }

  #giveLoss(): void {
    if (this.#lost === 0) return;
    const { channel, timeNs } = this;
    const [bytes, reason] = [this.#lost, this.#lossReason];
    this.#lost = 0;
    this.push({ kind: "loss", channel, bytes, reason, timeNs });
  }
}
