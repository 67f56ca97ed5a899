/** The rooms in a row: kernel events in, lines for the sinks out. */
import type { Channel, ProcessDirectory } from "../capture/types.ts";
import { ExchangeStage } from "../exchange/stage.ts";
import type { CoverageLine, ExchangeItem } from "../exchange/types.ts";
import { SenderStage } from "../framing/sender.ts";
import { StdioFraming } from "../framing/stdio.ts";
import type { Frame, FramingItem } from "../framing/types.ts";
import { LossGate } from "../message/loss-gate.ts";
import { MessageStage } from "../message/message-stage.ts";
import type { MessageItem } from "../message/types.ts";
import { type StreamInput, type StreamSources, StreamStage } from "../stream/stream-stage.ts";
import type { Blind, StreamItem } from "../stream/types.ts";
import { isLargeLine } from "./collector.ts";

export interface PipelineOptions {
  readonly processes: ProcessDirectory;
  readonly sources: StreamSources;
  readonly allJsonrpc: boolean;
  readonly listenNs: number;
  readonly maxLineBytes: number;
  /** False: neither end of the channel is wanted by the filters. */
  readonly isHeard: (channel: Channel) => boolean;
  /** The channel carries no MCP. */
  readonly onSetAside: (channel: Channel) => void;
}

export class Pipeline {
  readonly stream: StreamStage;
  readonly exchange: ExchangeStage;
  readonly #framing: StdioFraming;
  readonly #sender = new SenderStage();
  readonly #messages = new MessageStage();
  readonly #losses = new LossGate();
  readonly #options: PipelineOptions;
  readonly #blind = new WeakSet<object>();
  /** Frames of channels that had been set aside before, and the channels of which that is said. */
  readonly #retried = new WeakSet<Frame>();
  readonly #setAside = new WeakSet<Channel>();
  #out: ExchangeItem[] = [];

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.stream = new StreamStage(options.processes, options.sources);
    this.#framing = new StdioFraming({ maxLineBytes: options.maxLineBytes });
    this.exchange = new ExchangeStage({
      allJsonrpc: options.allJsonrpc,
      listenNs: options.listenNs,
    });
  }

  /** Frames wait for their writer's note: a tick is wanted soon. */
  get isHolding(): boolean {
    return this.#sender.isHolding;
  }

  push(event: StreamInput): void {
    for (const item of this.stream.push(event)) {
      if (item.kind === "blind") this.#coverBlind(item);
      else this.#frame(item);
    }
  }

  /** Lines since the last call. */
  take(): readonly ExchangeItem[] {
    const out = this.#out;
    if (out.length > 0) this.#out = [];
    return out;
  }

  end(): void {
    for (const item of this.#framing.end()) this.#send(item);
    for (const item of this.#sender.end()) this.#hear(item);
    for (const item of this.#messages.end()) this.#gate(item);
    for (const item of this.#losses.end()) this.#exchange(item);
    this.#give(this.exchange.end());
  }

  #frame(item: StreamItem): void {
    for (const framed of this.#framing.push(item)) this.#send(framed);
  }

  #send(item: FramingItem): void {
    if (item.kind === "set-aside") this.#options.onSetAside(item.channel);
    else if (item.kind === "frame" && item.channel.uncounted === true) this.#retried.add(item);
    // what the line was gathered in is free: gone before its text is parsed, both need not fit
    if (item.kind === "frame" && isLargeLine(item.bytes)) Bun.gc(true);
    for (const sent of this.#sender.push(item)) this.#hear(sent);
  }

  #hear(item: FramingItem): void {
    const channel = item.kind === "frame" || item.kind === "loss" ? item.channel : undefined;
    if (channel && !this.#options.isHeard(channel)) return;
    for (const message of this.#messages.push(item)) this.#gate(message);
  }

  #gate(item: MessageItem): void {
    for (const passed of this.#losses.push(item)) this.#exchange(passed);
  }

  #exchange(item: MessageItem): void {
    this.#give(this.exchange.push(item));
  }

  #give(lines: readonly ExchangeItem[]): void {
    for (const line of lines) {
      if (line.kind === "message" && this.#retried.has(line.message.frame)) {
        this.#coverSetAside(line.message.frame);
      }
      this.#out.push(line);
    }
  }

  /** Messages on a channel that was set aside: what it carried meanwhile nobody heard, nor counted. */
  #coverSetAside({ channel, timeNs }: Frame): void {
    this.#coverOnce(this.#setAside, {
      reason: "set_aside",
      channel,
      process: undefined,
      bytes: 0,
      timeNs,
    });
  }

  #coverBlind(blind: Blind): void {
    if (blind.channel !== undefined && !this.#options.isHeard(blind.channel)) return;
    this.#coverOnce(this.#blind, blind);
  }

  /** `told`: of what it has been said before. */
  #coverOnce(told: WeakSet<object>, spot: Omit<CoverageLine, "kind">): void {
    const subject = spot.channel ?? spot.process;
    if (subject !== undefined) {
      if (told.has(subject)) return;
      told.add(subject);
    }
    this.#out.push({ ...spot, kind: "coverage" });
  }
}
