/** Counts what connections carry beside messages, for those that turn out to carry MCP. */
import type { Channel } from "../../../capture/types.ts";
import type { HttpExchange, Noise } from "../../../framing/types.ts";

interface Early {
  http: number;
  skipped: number;
}

export class HttpNoise {
  /** Heads, chunk lines, fields and comments of event streams, bodies that are no message. */
  bytes = 0;
  /** What the kernel left out as other HTTP. */
  skipped = 0;
  readonly #mcp = new WeakSet<Channel>();
  /** Of channels that may still turn out to carry MCP; forgotten with the channel. */
  readonly #early = new WeakMap<Channel, Early>();

  add({ channel, bytes, of }: Noise): void {
    if (this.#mcp.has(channel)) {
      if (of === "skipped") this.skipped += bytes;
      else this.bytes += bytes;
      return;
    }
    let early = this.#early.get(channel);
    if (early === undefined) {
      early = { http: 0, skipped: 0 };
      this.#early.set(channel, early);
    }
    if (of === "skipped") early.skipped += bytes;
    else early.http += bytes;
  }

  /** The exchange is MCP's: both directions of its connection count, from their start. */
  adopt({
    requestChannel,
    responseChannel,
  }: Pick<HttpExchange, "requestChannel" | "responseChannel">): void {
    this.#adoptChannel(requestChannel);
    this.#adoptChannel(responseChannel);
  }

  #adoptChannel(channel: Channel | undefined): void {
    if (channel === undefined || this.#mcp.has(channel)) return;
    this.#mcp.add(channel);
    const early = this.#early.get(channel);
    if (early === undefined) return;
    this.#early.delete(channel);
    this.bytes += early.http;
    this.skipped += early.skipped;
  }
}
