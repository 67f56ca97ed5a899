/** Who spoke, through what and in which exchange, in; their row's id out, after the row itself where it is new or changed. */
import type { Channel, Party, Process } from "../capture/types.ts";
import type { HttpExchange } from "../framing/types.ts";
import { partyName } from "../names.ts";
import { isProcess } from "../party.ts";
import { RecentMap } from "../recent-map.ts";
import type { BatchBuilder } from "./batch-builder.ts";
import { plainOrNull, plainText } from "./plain-text.ts";
import type { Segment } from "./segment.ts";

/** Parties that are known by what they are, not by their object: of one more, the oldest gets a second row. */
const MAX_PARTIES = 65_536;
/** Programs that a call has started and whose exit is waited for. */
const MAX_WATCHED = 4096;

export interface Place {
  readonly out: BatchBuilder;
  /** The segment that the row is of use to: a row that is used again is written again, so that it stays as long. */
  readonly segment: Segment;
  readonly nextId: () => number;
  /** Wall clock, µs, of a CLOCK_BOOTTIME ns. */
  readonly micros: (timeNs: number) => number;
}

interface PartyRef {
  readonly id: number;
  segment: number;
  comm: string | undefined;
  commandLine: readonly string[] | undefined;
  hasEnded: boolean;
}

interface ChannelRef {
  readonly id: number;
  segment: number;
  hasEnds: boolean;
}

interface ExchangeRef {
  readonly id: number;
  segment: number;
  /** What its row was made from. */
  parts: readonly unknown[];
}

export class Dimensions {
  readonly #objects = new WeakMap<Party, PartyRef>();
  readonly #parties = new RecentMap<string, PartyRef>(MAX_PARTIES);
  readonly #channels = new WeakMap<Channel, ChannelRef>();
  readonly #exchanges = new WeakMap<HttpExchange, ExchangeRef>();
  readonly #watched = new Set<Process>();

  party(party: Party | undefined, place: Place): number | null {
    if (party === undefined) return null;
    const ref = this.#objects.get(party) ?? this.#meet(party, place);
    if (ref.segment !== place.segment.id || isChanged(ref, party))
      this.#writeParty(ref, party, place);
    return ref.id;
  }

  /** Its exit is written when it is there, although nothing else names the process then. */
  watch(process: Process): void {
    if (process.exit === undefined && this.#watched.size < MAX_WATCHED) this.#watched.add(process);
  }

  /** Those that were watched and have ended. */
  writeExits(place: Place): void {
    for (const process of this.#watched) {
      if (process.exit === undefined) continue;
      this.#watched.delete(process);
      this.party(process, place);
    }
  }

  channel(channel: Channel, place: Place): number {
    const known = this.#channels.get(channel);
    const hasEnds = channel.from !== undefined && channel.to !== undefined;
    if (known?.segment === place.segment.id && known.hasEnds === hasEnds) return known.id;
    const ref = known ?? { id: place.nextId(), segment: place.segment.id, hasEnds };
    ref.segment = place.segment.id;
    ref.hasEnds = hasEnds;
    if (known === undefined) this.#channels.set(channel, ref);
    const { id, kind, from, to } = channel;
    const ends = [from?.address, from?.port, to?.address, to?.port];
    place.out.plain("channels", [
      ref.id,
      place.segment.id,
      plainText(id),
      kind,
      ...ends.map((each) => each ?? null),
    ]);
    return ref.id;
  }

  exchange(exchange: HttpExchange, place: Place): number {
    const { request, response, requestChannel, responseChannel } = exchange;
    const parts = [request, response, requestChannel, responseChannel];
    const known = this.#exchanges.get(exchange);
    const isSame = known?.parts.every((part, index) => part === parts[index]) === true;
    if (known?.segment === place.segment.id && isSame) return known.id;
    const ref = known ?? { id: place.nextId(), segment: place.segment.id, parts };
    ref.segment = place.segment.id;
    ref.parts = parts;
    if (known === undefined) this.#exchanges.set(exchange, ref);
    const channels = [requestChannel, responseChannel].map((each) =>
      each === undefined ? null : this.channel(each, place),
    );
    place.out.plain("exchanges", [
      ref.id,
      place.segment.id,
      exchange.id,
      place.micros(exchange.startNs),
      ...channels,
      plainOrNull(request?.method),
      plainOrNull(request?.target),
      plainOrNull(request?.authority),
      plainOrNull(request?.version),
      plainOrNull(request?.fields.sessionId),
      plainOrNull(request?.fields.protocolVersion),
      plainOrNull(request?.fields.mcpMethod),
      plainOrNull(request?.fields.mcpName),
      response?.status ?? null,
      plainOrNull(response?.version),
      plainOrNull(response?.fields.contentType),
      plainOrNull(response?.fields.sessionId),
      plainOrNull(response?.fields.protocolVersion),
    ]);
    return ref.id;
  }

  /** A session's line has a copy of its parties: it is the same process all the same. */
  #meet(party: Party, place: Place): PartyRef {
    const key = isProcess(party) ? `${party.pid}@${party.startNs}` : party.address;
    const ref = this.#parties.get(key) ?? newRef(place.nextId());
    this.#parties.set(key, ref);
    this.#objects.set(party, ref);
    return ref;
  }

  #writeParty(ref: PartyRef, party: Party, place: Place): void {
    ref.segment = place.segment.id;
    const name = plainText(partyName(party));
    if (!isProcess(party)) {
      const blank = new Array<null>(8).fill(null);
      place.out.plain("parties", [
        ref.id,
        place.segment.id,
        name,
        ...blank,
        plainText(party.address),
      ]);
      return;
    }
    ref.comm = party.comm;
    ref.commandLine = party.commandLine;
    ref.hasEnded ||= party.exit !== undefined;
    place.out.plain("parties", [
      ref.id,
      place.segment.id,
      name,
      party.pid,
      place.micros(party.startNs),
      plainText(party.comm),
      JSON.stringify(party.commandLine.map(plainText)),
      plainOrNull(party.containerId),
      party.exit === undefined ? null : place.micros(party.exit.timeNs),
      party.exit?.code ?? null,
      party.exit?.signal ?? null,
      null,
    ]);
  }
}

function newRef(id: number): PartyRef {
  return { id, segment: -1, comm: undefined, commandLine: undefined, hasEnded: false };
}

/** An older copy is no news: it ended, and another line shows it as it was before. */
function isChanged(ref: PartyRef, party: Party): boolean {
  if (!isProcess(party) || (ref.hasEnded && party.exit === undefined)) return false;
  if (!ref.hasEnded && party.exit !== undefined) return true;
  return ref.comm !== party.comm || !isSameLine(ref.commandLine, party.commandLine);
}

function isSameLine(one: readonly string[] | undefined, other: readonly string[]): boolean {
  if (one === other) return true;
  return one?.length === other.length && one.every((text, index) => text === other[index]);
}
