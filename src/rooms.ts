/** The rooms behind the stream in a row: what channels carry, or frames as a recording has them, in; lines out. */
import { Outline } from "../ffi/outline.ts";
import { type ExchangeOptions, ExchangeStage } from "./exchange/stage.ts";
import type { ExchangeItem } from "./exchange/types.ts";
import { FramingStage } from "./framing/framing-stage.ts";
import { SenderStage } from "./framing/sender.ts";
import type { FramingItem } from "./framing/types.ts";
import { LossGate } from "./message/loss-gate.ts";
import { MessageStage } from "./message/message-stage.ts";
import type { MessageItem } from "./message/types.ts";
import type { StreamItem } from "./stream/types.ts";

export interface RoomsOptions extends ExchangeOptions {
  readonly maxLineBytes?: number;
  /** Shown what framing finds before anything becomes of it. */
  readonly onFramed?: (item: FramingItem) => void;
  /** False: it is of a channel that is not asked for, and goes no further. */
  readonly isHeard?: (item: FramingItem) => boolean;
  readonly give: (lines: readonly ExchangeItem[]) => void;
}

/** Each item goes all the way before the next: lines are in the order of what they were made from. */
export class Rooms {
  readonly exchange: ExchangeStage;
  readonly #framing: FramingStage;
  readonly #sender = new SenderStage();
  readonly #messages = new MessageStage(new Outline());
  readonly #losses = new LossGate();
  readonly #options: RoomsOptions;

  constructor(options: RoomsOptions) {
    const { maxLineBytes } = options;
    this.#options = options;
    this.#framing = new FramingStage(maxLineBytes === undefined ? {} : { maxLineBytes });
    this.exchange = new ExchangeStage(options);
  }

  /** Frames wait for their writer's note: a tick is wanted soon. */
  get isHolding(): boolean {
    return this.#sender.isHolding;
  }

  push(item: StreamItem): void {
    for (const framed of this.#framing.push(item)) this.#send(framed);
  }

  /** What was recorded has its sender, and is past the gate. */
  pushRecorded(item: FramingItem): void {
    for (const message of this.#messages.push(item)) this.#exchange(message);
  }

  end(): void {
    for (const item of this.#framing.end()) this.#send(item);
    for (const item of this.#sender.end()) this.#hear(item);
    for (const item of this.#messages.end()) this.#gate(item);
    for (const item of this.#losses.end()) this.#exchange(item);
    this.#options.give(this.exchange.end());
  }

  #send(item: FramingItem): void {
    this.#options.onFramed?.(item);
    for (const sent of this.#sender.push(item)) this.#hear(sent);
  }

  #hear(item: FramingItem): void {
    if (this.#options.isHeard?.(item) === false) return;
    for (const message of this.#messages.push(item)) this.#gate(message);
  }

  #gate(item: MessageItem): void {
    for (const passed of this.#losses.push(item)) this.#exchange(passed);
  }

  #exchange(item: MessageItem): void {
    const lines = this.exchange.push(item);
    if (lines.length > 0) this.#options.give(lines);
  }
}
