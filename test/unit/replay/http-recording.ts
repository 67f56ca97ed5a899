/** Bytes on connections in, the NDJSON that a live run writes of them out. */
import type { Channel, Endpoint, Party, Process } from "../../../src/capture/types.ts";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import { FramingStage } from "../../../src/framing/framing-stage.ts";
import { MessageStage } from "../../../src/message/message-stage.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import type { StreamItem } from "../../../src/stream/types.ts";

const MS = 1_000_000;
/** Uptime of about 11 days, on a host whose wall clock said 2026-11-20T12:00:00Z at boot. */
const BOOT_MICROS = Date.parse("2026-11-20T12:00:00Z") * 1000;
export const START_NS = 1_000_000_000_000_000;
const clock = { toUnixMicros: (ns: number) => BOOT_MICROS + Math.floor(ns / 1000) };

export function makeProcess(pid: number, comm: string, startNs = START_NS + pid): Process {
  return { pid, startNs, comm, commandLine: [comm], containerId: undefined, exit: undefined };
}

/** Both directions of one connection. */
export interface Connection {
  readonly request: Channel;
  readonly response: Channel;
}

/** A live run, each line rendered as soon as it is there. */
export class Recording {
  readonly lines: string[] = [];
  readonly #framing = new FramingStage();
  readonly #message = new MessageStage();
  readonly #exchange: ExchangeStage;
  readonly #renderer = new NdjsonRenderer({ clock, raw: true, redactor: undefined });
  readonly #positions = new Map<Channel, number>();
  #inode = 1;
  #nowNs = START_NS;

  constructor(listenNs = START_NS) {
    this.#exchange = new ExchangeStage({ allJsonrpc: false, listenNs });
  }

  connect(client: Party, server: Party, clientAddress = "127.0.0.1"): Connection {
    const near = { address: clientAddress, port: 40_000 + this.#inode };
    const far = { address: "127.0.0.1", port: 3001 };
    const request = this.#channel(client, server, near, far);
    const response = this.#channel(server, client, far, near);
    request.reverse = response;
    response.reverse = request;
    return { request, response };
  }

  #channel(writer: Party, reader: Party, from: Endpoint, to: Endpoint): Channel {
    const inode = this.#inode++;
    const ends = { writer, reader, from, to };
    return { id: `tcp:${inode}`, kind: "tcp", inode, reverse: undefined, ...ends };
  }

  /** The client writes on `request`, the server on `response`. */
  write(channel: Channel, text: string): this {
    const bytes = Buffer.from(text);
    const { reader, writer: sender } = channel;
    if (reader === undefined) throw new Error("a channel in a test has a reader");
    const position = this.#positions.get(channel) ?? 0;
    this.#positions.set(channel, position + bytes.length);
    this.#nowNs += 1_234_000;
    return this.#push({
      kind: "chunk",
      channel,
      bytes,
      position,
      timeNs: this.#nowNs,
      reader,
      sender,
    });
  }

  lose(channel: Channel, bytes: number): this {
    this.#positions.set(channel, (this.#positions.get(channel) ?? 0) + bytes);
    return this.#push({ kind: "gap", channel, bytes, reason: "ring_full", timeNs: this.#nowNs });
  }

  close({ request, response }: Connection): this {
    for (const channel of [request, response]) {
      const timeNs = this.#nowNs;
      this.#push({ kind: "end", channel, timeNs, unreadBytes: 0, writer: channel.writer });
    }
    return this;
  }

  exit(process: Process, code: number): this {
    this.#nowNs += MS;
    process.exit = { timeNs: this.#nowNs, code, signal: undefined };
    return this.#push({ kind: "process-end", process, timeNs: this.#nowNs });
  }

  wait(ms: number): this {
    this.#nowNs += ms * MS;
    return this.#push({ kind: "tick", timeNs: this.#nowNs });
  }

  end(): readonly string[] {
    this.#keep(this.#exchange.end());
    return this.lines;
  }

  #push(item: StreamItem): this {
    for (const framed of this.#framing.push(item)) {
      for (const message of this.#message.push(framed)) this.#keep(this.#exchange.push(message));
    }
    return this;
  }

  #keep(items: readonly ExchangeItem[]): void {
    for (const item of items) this.lines.push(this.#renderer.item(item));
  }
}
