/** Kernel events in; lines for the sinks, blind spots told among them, out. */
import type { Channel, ProcessDirectory } from "../capture/types.ts";
import type { ExchangeStage } from "../exchange/stage.ts";
import type { ExchangeItem } from "../exchange/types.ts";
import type { FramingItem, HttpVerdict } from "../framing/types.ts";
import { Rooms } from "../rooms.ts";
import { type StreamInput, type StreamSources, StreamStage } from "../stream/stream-stage.ts";
import type { Blind } from "../stream/types.ts";
import { Coverage } from "./coverage.ts";

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
  /** What a TCP connection carries. */
  readonly onVerdict: (verdict: HttpVerdict) => void;
  /** A frame of so many bytes was found, and is about to be read. */
  readonly onFrame?: (bytes: number) => void;
}

export class Pipeline {
  readonly stream: StreamStage;
  readonly #rooms: Rooms;
  readonly #coverage = new Coverage();
  readonly #options: PipelineOptions;
  #out: ExchangeItem[] = [];

  constructor(options: PipelineOptions) {
    const { allJsonrpc, listenNs, maxLineBytes, processes, sources } = options;
    this.#options = options;
    this.stream = new StreamStage(processes, sources);
    this.#rooms = new Rooms({
      allJsonrpc,
      listenNs,
      maxLineBytes,
      onFramed: (item) => this.#route(item),
      isHeard: (item) => {
        const channel = channelOf(item);
        return channel === undefined || options.isHeard(channel);
      },
      give: (lines) => this.#give(lines),
    });
  }

  get exchange(): ExchangeStage {
    return this.#rooms.exchange;
  }

  /** Frames wait for their writer's note: a tick is wanted soon. */
  get isHolding(): boolean {
    return this.#rooms.isHolding;
  }

  push(event: StreamInput): void {
    for (const item of this.stream.push(event)) {
      if (item.kind === "blind") this.#coverBlind(item);
      else this.#rooms.push(item);
    }
  }

  /** Lines since the last call. */
  take(): readonly ExchangeItem[] {
    const out = this.#out;
    if (out.length > 0) this.#out = [];
    return out;
  }

  end(): void {
    this.#rooms.end();
  }

  #route(item: FramingItem): void {
    if (item.kind === "frame") {
      this.#coverage.framed(item);
      this.#options.onFrame?.(item.bytes);
    } else if (item.kind === "blind") this.#coverBlind(item);
    else if (item.kind === "set-aside") this.#options.onSetAside(item.channel);
    else if (item.kind === "http-verdict") this.#options.onVerdict(item);
  }

  #give(lines: readonly ExchangeItem[]): void {
    for (const line of lines) {
      if (line.kind === "message") this.#out.push(...this.#coverage.message(line.message.frame));
      this.#out.push(line);
    }
  }

  #coverBlind(blind: Blind): void {
    if (blind.channel !== undefined && !this.#options.isHeard(blind.channel)) return;
    this.#out.push(...this.#coverage.blind(blind));
  }
}

/** Whose words the item holds; undefined: nobody's. */
function channelOf(item: FramingItem): Channel | undefined {
  switch (item.kind) {
    case "frame":
    case "loss":
    case "noise":
      return item.channel;
    case "http-end":
    case "http-endpoint":
      return item.exchange.requestChannel ?? item.exchange.responseChannel;
    default:
      return undefined;
  }
}
