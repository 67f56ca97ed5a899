/** The kernel's entries of channels (struct channel of bpf/maps.h): what they count, and until when they are kept. */
import type { BpfMap } from "../../ffi/map.ts";
import { address, u64, wholeAddress } from "./fields.ts";
import { CHANNEL, CHANNEL_KEY, CHANNEL_KINDS } from "./layout.ts";
import type { ChannelEntry, ChannelKind } from "./types.ts";

export interface ChannelCounts extends ChannelEntry {
  readonly kind: ChannelKind;
  readonly skipped: number;
  readonly muted: boolean;
}

/** A channel by its address, with what is counted of it. */
export interface CountedChannel {
  readonly channel: number;
  readonly counts: ChannelCounts;
}

/** `view`: CHANNEL.size bytes. */
export function decodeCounts(view: DataView): ChannelCounts {
  const since = (count: number, base: number) => u64(view, count) - u64(view, base);
  return {
    generation: u64(view, CHANNEL.generation),
    moved: since(CHANNEL.moved, CHANNEL.base_moved),
    lost: since(CHANNEL.lost, CHANNEL.base_lost),
    written: since(CHANNEL.written, CHANNEL.base_written),
    unseen: since(CHANNEL.unseen, CHANNEL.base_unseen),
    readerPid: view.getUint32(CHANNEL.reader_tgid, true),
    readerStartNs: u64(view, CHANNEL.reader_start_ns),
    writerPid: view.getUint32(CHANNEL.writer_tgid, true),
    writerStartNs: u64(view, CHANNEL.writer_start_ns),
    kind: CHANNEL_KINDS[view.getUint32(CHANNEL.kind, true)] ?? "pipe",
    skipped: u64(view, CHANNEL.skipped),
    muted: view.getUint32(CHANNEL.muted, true) !== 0,
    wanted: view.getUint32(CHANNEL.wanted, true) !== 0,
  };
}

type Entries = Pick<BpfMap, "lookup" | "delete" | "keys">;

export interface EntryMaps {
  /** By address. */
  readonly channels: Entries;
  /** Those of TCP. */
  readonly tcpChannels: Entries;
  /** By address and generation: the entries of channels that are over (bpf/maps.h). */
  readonly ended: Entries;
  /** Deletes an entry of either, in the kernel: from outside, another channel's could be hit. 0: there was none. */
  readonly forget: (address: bigint, generation: bigint) => number;
}

export class ChannelEntries {
  readonly #maps: EntryMaps;

  constructor(maps: EntryMaps) {
    this.#maps = maps;
  }

  /** `generation` 0: a socket that nobody had accepted when it was last heard of; by now somebody may have. */
  counts(channel: number, generation: number): ChannelCounts | undefined {
    const key = addressKey(channel);
    for (const map of [this.#maps.channels, this.#maps.tcpChannels]) {
      const now = read(map, key);
      if (now && (now.generation === generation || generation === 0)) return now;
    }
    return this.last(channel, generation);
  }

  /** The counts of a channel that is over. */
  last(channel: number, generation: number): ChannelCounts | undefined {
    return read(this.#maps.ended, channelKey(channel, generation));
  }

  /** All channels that have their address still, as far as is known. */
  present(): readonly CountedChannel[] {
    return [...readAll(this.#maps.channels, 8), ...readAll(this.#maps.tcpChannels, 8)];
  }

  /** Those that are over, as the kernel saw, and that nobody has forgotten yet. */
  ended(): readonly CountedChannel[] {
    return readAll(this.#maps.ended, CHANNEL_KEY.size).filter(({ key, counts }) => {
      const isMeant = u64(new DataView(key.buffer), CHANNEL_KEY.generation) === counts.generation;
      // put there by a CPU that came too late, after this one was forgotten: what stands there is another channel's
      if (!isMeant) this.#maps.ended.delete(key);
      return isMeant;
    });
  }

  /** Only when the channel is over and its counts are told; another one that has the address since is left alone. */
  forget(channel: number, generation: number): void {
    const key = channelKey(channel, generation);
    if (this.#maps.ended.delete(key)) return;
    // on its way there just now
    if (this.#maps.forget(wholeAddress(channel), BigInt(generation)) === 0) {
      this.#maps.ended.delete(key);
    }
  }
}

function addressKey(channel: number): Uint8Array {
  return new Uint8Array(new BigUint64Array([wholeAddress(channel)]).buffer);
}

/** struct channel_key */
function channelKey(channel: number, generation: number): Uint8Array {
  return new Uint8Array(new BigUint64Array([wholeAddress(channel), BigInt(generation)]).buffer);
}

function read(map: Entries, key: Uint8Array): ChannelCounts | undefined {
  const value = new Uint8Array(CHANNEL.size);
  return map.lookup(key, value) ? decodeCounts(new DataView(value.buffer)) : undefined;
}

/** Each entry once: a map that changes meanwhile is walked through again from its start. */
function readAll(map: Entries, keyBytes: number): (CountedChannel & { key: Uint8Array })[] {
  const keys = new Map(
    [...map.keys(keyBytes)].map((key) => [Buffer.from(key).toString("hex"), key]),
  );
  return [...keys.values()].flatMap((key) => {
    const counts = read(map, key);
    // the first member of either key
    return counts ? [{ key, channel: address(new DataView(key.buffer), 0), counts }] : [];
  });
}
