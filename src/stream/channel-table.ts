/** Records in, the channel that each is about out: known by its kernel address, proven by its inode. */
import type { ChannelFound, IoEvent, SocketEvent } from "../capture/types.ts";
import { ChannelNames } from "./channel-names.ts";
import { type ChannelSources, ChannelState } from "./channel-state.ts";

export class ChannelTable {
  readonly #sources: ChannelSources;
  readonly #channels = new Map<number, ChannelState>();
  readonly #names = new ChannelNames();
  #seen = 0;

  constructor(sources: ChannelSources) {
    this.#sources = sources;
  }

  /** Channels that were opened so far. */
  get seen(): number {
    return this.#seen;
  }

  get byAddress(): ReadonlyMap<number, ChannelState> {
    return this.#channels;
  }

  /** The channel that has the address, whichever it is. */
  at(address: number): ChannelState | undefined {
    return this.#channels.get(address);
  }

  /** The channel that has the address, if it is this one. */
  find(address: number, inode: number): ChannelState | undefined {
    const channel = this.#channels.get(address);
    if (channel?.inode === 0) this.#accept(channel, inode);
    return channel?.inode === inode ? channel : undefined;
  }

  /** The channel that the record is about, if it is open. */
  knownOf(event: IoEvent): ChannelState | undefined {
    const known = this.#channels.get(event.channel);
    if (known?.isMeantBy(event)) {
      if (event.peerGeneration !== 0) known.peerInode = event.peerGeneration;
      return known;
    }
    // a note that was under way while its end was accepted; who has a TCP socket's address is told when that is gone
    if (event.generation === 0 && event.channelKind === "tcp") return known;
    if (known?.inode !== 0) return undefined;
    this.#accept(known, event.generation);
    return known;
  }

  /** As `knownOf`, of a record of a TCP channel's ends, which may have been under way as well. */
  knownOfSocket({ channel, generation }: SocketEvent): ChannelState | undefined {
    return generation === 0 ? this.#channels.get(channel) : this.find(channel, generation);
  }

  /** It was written to before anybody had accepted it. */
  #accept(channel: ChannelState, inode: number): void {
    if (inode === 0) return;
    channel.inode = inode;
    channel.id = this.#names.next(channel.kind, inode);
  }

  nameOf(kind: ChannelState["kind"], number: number): string {
    return this.#names.next(kind, number);
  }

  /** Takes the address from whichever channel had it. */
  openFor(event: IoEvent): ChannelState {
    const channel = this.#open(event.channel, event.generation, event.channelKind, false);
    channel.peerInode = event.peerGeneration;
    channel.peerAddress = event.peer;
    this.#link(channel, event.peer, event.peerGeneration);
    return channel;
  }

  openFound(found: ChannelFound): ChannelState {
    const channel = this.#open(found.channel, found.generation, found.channelKind, true);
    channel.peerInode = found.peerGeneration;
    channel.peerAddress = found.peer;
    this.#link(channel, found.peer, found.peerGeneration);
    return channel;
  }

  openSocket(event: SocketEvent): ChannelState {
    const channel = this.#open(event.channel, event.generation, "tcp", event.late);
    this.linkSocket(channel, event);
    return channel;
  }

  linkSocket(channel: ChannelState, event: SocketEvent): void {
    this.#link(channel, event.reverse, event.reverseGeneration);
  }

  /** A channel that takes no address: it is over. `late`: it was there before the tool listened. */
  make(address: number, inode: number, kind: ChannelState["kind"], late: boolean): ChannelState {
    const place = { kind, inode, address, late };
    this.#seen += 1;
    // pipe_generation of bpf/place.h
    const number = kind === "fifo" ? inode % 2 ** 32 : inode;
    return new ChannelState(this.#names.next(kind, number), place, this.#sources);
  }

  #open(address: number, inode: number, kind: ChannelState["kind"], late: boolean): ChannelState {
    const channel = this.make(address, inode, kind, late);
    this.#channels.set(address, channel);
    return channel;
  }

  close(channel: ChannelState): void {
    this.#channels.delete(channel.address);
  }

  /** The two directions of one connection know each other. */
  #link(channel: ChannelState, peer: number, peerInode: number): void {
    const reverse = peer === 0 ? undefined : this.find(peer, peerInode);
    if (!reverse) return;
    channel.reverse = reverse;
    reverse.reverse = channel;
  }
}
