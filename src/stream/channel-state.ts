/** What the stream room keeps of one channel between records. */
import type { Channel, ChannelKind, Process, WriteNote } from "../capture/types.ts";
import { WriteNotes } from "./write-notes.ts";

export class ChannelState implements Channel {
  readonly id: string;
  readonly kind: ChannelKind;
  readonly inode: number;
  /** Existed before the tool listened: its first bytes may have moved before. */
  readonly late: boolean;
  /** Kernel address: the key, together with `inode`. */
  readonly address: number;
  reverse: Channel | undefined;
  reader: Process | undefined;
  writer: Process | undefined;
  /** Position of the next byte: heard and missed so far. */
  position = 0;
  /** The channel's count of bytes that the ring had no room for, as of the last record. */
  lost = 0;
  lastTimeNs = 0;
  readonly notes = new WriteNotes();

  constructor(
    id: string,
    place: { kind: ChannelKind; inode: number; address: number; late: boolean },
  ) {
    this.id = id;
    this.kind = place.kind;
    this.inode = place.inode;
    this.address = place.address;
    this.late = place.late;
  }

  noteAt(position: number): WriteNote | undefined {
    return this.notes.at(position);
  }
}
