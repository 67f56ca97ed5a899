/** Kernel events in; lines for the sinks, blind spots told among them, out. */
import type { FileChangeEvent } from "../capture/files/types.ts";
import type { Channel, KernelEvent, Process, ProcessDirectory } from "../capture/types.ts";
import { type ConnectionInput, ConnectionStage } from "../connections/connection-stage.ts";
import type { ExchangeStage } from "../exchange/stage.ts";
import type { CoverageLine, ExchangeItem, MessageLine } from "../exchange/types.ts";
import type { FramingItem, HttpVerdict, SetAside } from "../framing/types.ts";
import { isProcess } from "../party.ts";
import { Rooms } from "../rooms.ts";
import {
  type StreamInput,
  type StreamOutput,
  type StreamSources,
  StreamStage,
} from "../stream/stream-stage.ts";
import type { Blind } from "../stream/types.ts";
import { CallEffects } from "./call-effects.ts";
import { Coverage } from "./coverage.ts";
import type { Missed } from "./set-aside.ts";

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
  /** A process was asked something. Returns the channels it answers by that were set aside until now. */
  readonly onAsked?: (process: Process) => readonly Missed[];
  /** What a TCP connection carries. */
  readonly onVerdict: (verdict: HttpVerdict) => void;
  /** Calls are told with what they cause. */
  readonly hasEffects?: boolean;
  /** A process that works for a server was met. */
  readonly onServed?: (pid: number) => void;
  /** A frame of so many bytes was found, and is about to be read. */
  readonly onFrame?: (bytes: number) => void;
}

export type PipelineInput = KernelEvent | StreamInput | ConnectionInput;

export class Pipeline {
  readonly stream: StreamStage;
  readonly connections: ConnectionStage;
  /** undefined: they are not asked for. */
  readonly effects: CallEffects | undefined;
  readonly #rooms: Rooms;
  readonly #coverage = new Coverage();
  readonly #options: PipelineOptions;
  #out: ExchangeItem[] = [];

  constructor(options: PipelineOptions) {
    const { allJsonrpc, listenNs, maxLineBytes, processes, sources } = options;
    this.#options = options;
    this.stream = new StreamStage(processes, sources);
    const { hasEffects, onServed = () => undefined } = options;
    const effects = hasEffects === true ? new CallEffects(processes, onServed) : undefined;
    this.effects = effects;
    this.connections = new ConnectionStage(processes, {
      onBegin: (connection) => effects?.push({ kind: "connected", connection }),
    });
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

  /** Something waits, say for a writer's note: a tick is wanted soon. */
  get isHolding(): boolean {
    return this.#rooms.isHolding || this.stream.isHolding;
  }

  push(event: PipelineInput): void {
    switch (event.kind) {
      case "connection":
      case "greeting":
      case "dns":
      case "moved":
      case "gone":
        this.#out.push(...this.connections.push(event));
        return;
      case "mapped":
      case "tls-seen":
      case "tls-unheard":
      case "tls-strange":
        // what finds TLS libraries, and no room (live/tls)
        return;
      case "file-change":
        this.#changeFile(event);
        return;
      case "tick":
        this.connections.push(event);
        break;
      default:
    }
    this.#hear(this.stream.push(event));
    if (this.effects !== undefined) this.#cause(this.effects, event);
  }

  /** Something that is not heard, and that no event of the rooms could tell of. */
  tell(line: CoverageLine): void {
    this.#out.push(line);
  }

  /** Lines since the last call. */
  take(): readonly ExchangeItem[] {
    const out = this.#out;
    if (out.length > 0) this.#out = [];
    return out;
  }

  end(): void {
    this.#hear(this.stream.end());
    this.#rooms.end();
    this.#out.push(...(this.effects?.end() ?? []), ...this.connections.end());
  }

  #changeFile({ change, path, to, pid, startNs, comm, timeNs }: FileChangeEvent): void {
    const process = this.#options.processes.at(pid, startNs, comm);
    const file = { change, path, to };
    this.effects?.push({ kind: "file-changed", process, file, timeNs });
  }

  /** After the rooms: who a process is, is known there. */
  #cause(effects: CallEffects, event: StreamInput): void {
    if (event.kind === "tick") {
      effects.push(event);
      this.#out.push(...effects.take());
    } else if (event.kind === "fork" || event.kind === "exec" || event.kind === "exit") {
      effects.push(event);
    }
  }

  #hear(items: readonly StreamOutput[]): void {
    for (const item of items) {
      if (item.kind === "blind") this.#coverBlind(item);
      else this.#rooms.push(item);
    }
  }

  #route(item: FramingItem): void {
    if (item.kind === "frame") {
      this.#coverage.framed(item);
      this.#options.onFrame?.(item.bytes);
    } else if (item.kind === "blind") this.#coverBlind(item);
    else if (item.kind === "set-aside") this.#setAside(item);
    else if (item.kind === "http-verdict") this.#options.onVerdict(item);
  }

  #setAside({ channel, timeNs }: SetAside): void {
    this.#options.onSetAside(channel);
    if (!this.exchange.isConversing(channel)) return;
    // it may be said at any time now
    this.#out.push(...this.#coverage.setAside(channel, timeNs));
    this.exchange.deafen(channel, Number.POSITIVE_INFINITY);
  }

  #give(lines: readonly ExchangeItem[]): void {
    for (const line of this.effects?.join(lines) ?? lines) {
      if (line.kind === "message") this.#out.push(...this.#coverage.message(line.message.frame));
      this.#out.push(line);
      if (line.kind === "message" && line.message.type === "request") this.#ask(line);
    }
  }

  /** Its answer is not to be missed: what was set aside of what that process writes is heard again. */
  #ask({ to, message }: MessageLine): void {
    const { http, timeNs } = message.frame;
    if (http !== undefined || !isProcess(to)) return;
    for (const { channel, isLate } of this.#options.onAsked?.(to) ?? []) {
      this.#out.push(...this.#coverage.setAside(channel, timeNs));
      if (isLate) this.exchange.deafen(channel, timeNs);
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
