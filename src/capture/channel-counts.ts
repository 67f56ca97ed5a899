/** The kernel's entry of a channel (struct channel of bpf/maps.h) in, its counts and ends out. */
import { u64 } from "./fields.ts";
import { CHANNEL, CHANNEL_KINDS } from "./layout.ts";
import type { ChannelEntry, ChannelKind } from "./types.ts";

export interface ChannelCounts extends ChannelEntry {
  readonly kind: ChannelKind;
  readonly muted: boolean;
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
    muted: view.getUint32(CHANNEL.muted, true) !== 0,
    wanted: view.getUint32(CHANNEL.wanted, true) !== 0,
  };
}
