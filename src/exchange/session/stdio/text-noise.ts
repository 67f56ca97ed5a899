/** Counts heard bytes that are no message, on the channels that turn out to carry MCP, and keeps what they say to be told. */
import type { Channel, Party } from "../../../capture/types.ts";
import type { Noise } from "../../../framing/types.ts";
import { isProcess } from "../../../party.ts";
import type { SessionState, Side } from "../session-state.ts";
import { addNoise, type NoiseSum } from "../untold-noise.ts";

/** Channels that are remembered of one process, should a session turn out to be theirs. */
const MAX_CHANNELS = 4;
/** Channels whose writer's note has not come yet: they are looked at again. */
const MAX_NAMELESS = 64;
/** New channels in a second of which the system is asked what they are to their writers, while these can be asked. */
const MAX_ASKED = 100;
const SECOND_NS = 1_000_000_000;

export class TextNoise {
  bytes = 0;
  /** Of channels that may still become a session's; forgotten with the channel. */
  readonly #early = new WeakMap<Channel, NoiseSum>();
  readonly #earlyOf = new WeakMap<Party, Channel[]>();
  readonly #remembered = new WeakSet<Channel>();
  readonly #nameless: Channel[] = [];
  #asked = 0;
  #askedSinceNs = 0;

  /** `side` of a session, when the channel has one. Returns whether it is to be told. */
  add(noise: Noise, side: Side | undefined): boolean {
    if (side !== undefined && isMcp(side.state)) {
      this.bytes += noise.bytes;
      side.noise.add(noise);
      return true;
    }
    const { channel, text } = noise;
    this.#early.set(channel, addNoise(this.#early.get(channel), noise));
    if (text !== undefined && !this.#remembered.has(channel)) this.#remember(channel, text.timeNs);
    return false;
  }

  /** Of an MCP server, beside its channels. */
  count(bytes: number): void {
    this.bytes += bytes;
  }

  /** The session is MCP: what its channels said before counts. */
  adopt(state: SessionState): void {
    for (const side of [state.first, state.second]) {
      for (const channel of side.channels) this.adoptChannel(channel, side);
    }
  }

  /** The channel is this direction of an MCP session: what it said before counts. */
  adoptChannel(channel: Channel, side: Side): void {
    const early = this.#early.get(channel);
    if (early === undefined || !isMcp(side.state)) return;
    this.#early.delete(channel);
    this.bytes += early.bytes;
    side.noise.addSum(early);
  }

  /** Channels on which a process has said something that is no message. */
  channelsOf(writer: Party | undefined): readonly Channel[] {
    const channels = writer === undefined ? undefined : this.#earlyOf.get(writer);
    return channels?.filter((channel) => this.#early.has(channel)) ?? [];
  }

  /** Time passes: notes have come. */
  tick(timeNs: number): void {
    if (this.#nameless.length === 0) return;
    for (const channel of this.#nameless.splice(0)) this.#remember(channel, timeNs);
  }

  #remember(channel: Channel, timeNs: number): void {
    const { writer } = channel;
    if (!isProcess(writer)) {
      const isListed = this.#nameless.includes(channel);
      if (!isListed && this.#nameless.length < MAX_NAMELESS) this.#nameless.push(channel);
      return;
    }
    this.#remembered.add(channel);
    if (this.#mayAsk(timeNs)) channel.writtenAs?.();
    const channels = this.#earlyOf.get(writer);
    if (channels === undefined) this.#earlyOf.set(writer, [channel]);
    else if (channels.length < MAX_CHANNELS) channels.push(channel);
  }

  #mayAsk(timeNs: number): boolean {
    if (timeNs - this.#askedSinceNs >= SECOND_NS) {
      this.#askedSinceNs = timeNs;
      this.#asked = 0;
    }
    this.#asked++;
    return this.#asked <= MAX_ASKED;
  }
}

function isMcp({ verdict }: SessionState): boolean {
  return verdict === "mcp" || verdict === "presumed";
}
