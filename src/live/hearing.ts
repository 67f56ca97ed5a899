/** The kernel in; the rooms, with all that looks after what they know of the kernel, out: wired once, for one run. */
import { findCgroupPath } from "../capture/cgroups.ts";
import type { Kernel } from "../capture/kernel.ts";
import { readProcess } from "../capture/proc.ts";
import { ProcessTable } from "../capture/process-table.ts";
import { readStreams } from "../capture/standard-streams.ts";
import type { Channel } from "../capture/types.ts";
import { say } from "../cli/say.ts";
import type { ListenOptions } from "../cli/types.ts";
import type { CaptureFacts, CoverageLine } from "../exchange/types.ts";
import type { HttpVerdict } from "../framing/types.ts";
import { isConnection } from "../party.ts";
import { ChannelState } from "../stream/channel-state.ts";
import { Accounts, type EntrySource } from "./accounts.ts";
import { BlockedRelease } from "./blocked.ts";
import { CatchUp } from "./catch-up.ts";
import { ConnectionsWatch } from "./connections-watch.ts";
import { type Discovery, discover } from "./discover.ts";
import { captureFacts, missingParts, untold } from "./facts.ts";
import { ContainerFollow } from "./follow.ts";
import { HoldersWatch } from "./holders-watch.ts";
import { Inquiry } from "./inquiry.ts";
import { pastForks } from "./past-forks.ts";
import { Pipeline } from "./pipeline.ts";
import { SetAside } from "./set-aside.ts";
import type { Subject } from "./subject.ts";
import { TlsHearing, type TlsUserSource } from "./tls/tls-hearing.ts";
import { TwinWatch } from "./twin.ts";
import { writtenAs } from "./written-as.ts";

/** What of the kernel a run needs, besides its records. */
export type HeardKernel = Pick<
  Kernel,
  | "advanceTwin"
  | "beginTwin"
  | "connections"
  | "counters"
  | "detach"
  | "endedCount"
  | "files"
  | "firstCopySkips"
  | "follow"
  | "frontEnd"
  | "hasTwins"
  | "ignore"
  | "isIgnored"
  | "judge"
  | "link"
  | "lostCount"
  | "maySkip"
  | "missing"
  | "openTls"
  | "quiet"
  | "releaseBlocked"
  | "ringFullCount"
  | "scan"
  | "skippedRuns"
  | "tellsFiles"
  | "wantsTwin"
> & { readonly entries: EntrySource; readonly tlsUsers: TlsUserSource };

/** A line shows what calls cause, or a history keeps it. */
export function showsEffects({
  effects,
  outputs,
}: Pick<ListenOptions, "effects" | "outputs">): boolean {
  if (effects !== "auto" && effects !== "all") return false;
  const { kinds, stdout, database } = outputs;
  if (stdout === "console" || database !== undefined) return true;
  return kinds.includes("call") || kinds.includes("effect");
}

export interface HearingOptions {
  readonly kernel: HeardKernel;
  readonly options: Pick<
    ListenOptions,
    "allJsonrpc" | "maxMessageBytes" | "filters" | "tls" | "outputs" | "effects"
  >;
  /** The kernel copies only what is wanted; an end of a channel may become wanted later. */
  readonly filtering: boolean;
  /** True when every record has been taken out of the ring. */
  readonly isQuiet: () => boolean;
  readonly nowNs: () => number;
  /** CLOCK_BOOTTIME. */
  readonly startNs: number;
  /** A frame of so many bytes is about to be read. */
  readonly onFrame: (bytes: number) => void;
}

export class Hearing {
  readonly rooms: Pipeline;
  readonly subjects: readonly Subject[];
  readonly #kernel: HeardKernel;
  readonly #nowNs: () => number;
  readonly #processes = new ProcessTable(readProcess, findCgroupPath, readStreams);
  readonly #aside: SetAside;
  readonly #accounts: Accounts;
  readonly #holders: HoldersWatch;
  readonly #tls: TlsHearing | undefined;
  readonly #connections: ConnectionsWatch | undefined;

  constructor(parts: HearingOptions) {
    const { kernel, options, filtering, isQuiet, nowNs, startNs, onFrame } = parts;
    this.#kernel = kernel;
    this.#nowNs = nowNs;
    this.#aside = new SetAside(kernel);
    const inquiry = new Inquiry(kernel, this.#processes, nowNs);
    this.rooms = new Pipeline({
      processes: this.#processes,
      sources: {
        holders: (channel) => inquiry.writerOf(channel),
        descriptors: writtenAs,
        lastWord: (channel) => this.#accounts.lastWord(channel),
        ownerOf: (socket, inode) => inquiry.ownerOf(socket, inode),
        quiet: (channel, isQuiet) => kernel.quiet(channel.address, channel.inode, isQuiet),
      },
      allJsonrpc: options.allJsonrpc,
      listenNs: startNs,
      maxLineBytes: options.maxMessageBytes,
      isHeard: filtering ? (channel) => inquiry.isWanted(channel) : () => true,
      onSetAside: (channel) => this.#setAside(channel),
      onAsked: (process) => this.#aside.ask(process),
      onVerdict: (verdict) => this.#judge(verdict),
      onFrame,
      hasEffects: showsEffects(options),
      onServed: (pid) => kernel.files?.watch(pid),
    });
    const scan = () => kernel.scan();
    const channels = () => this.rooms.stream.channels;
    this.#accounts = new Accounts({
      entries: kernel.entries,
      scan,
      channels,
      push: (event) => this.rooms.push(event),
      isQuiet,
      processes: this.#processes,
      endedCount: () => kernel.endedCount(),
      hasSkips: () => kernel.maySkip(),
    });
    this.#holders = new HoldersWatch({ accounts: this.#accounts, scan, channels, isQuiet });
    if (options.tls === "auto") {
      this.#tls = new TlsHearing({
        kernel,
        options: { ownPid: process.pid, filtering },
        processAt: (pid, startedNs, comm) => this.#processes.at(pid, startedNs, comm),
        tell: (line) => this.rooms.tell(line),
        say: options.outputs.verbosity > 0 ? say : () => undefined,
        nowNs,
      });
    }
    if (kernel.connections !== undefined) {
      this.#connections = new ConnectionsWatch({
        kernel: kernel.connections,
        counters: () => ({
          eventsLost: kernel.lostCount("connection_events_lost"),
          unseen: kernel.lostCount("connections_unseen"),
        }),
        entries: () => this.rooms.connections.entries,
        push: (item) => this.rooms.push(item),
        isQuiet,
      });
    }
    this.subjects = [
      ...(this.#connections ? [this.#connections] : []),
      ...(this.#tls?.subjects ?? []),
      this.#holders,
      this.#accounts,
      new BlockedRelease(kernel),
      this.#aside,
      new TwinWatch(kernel),
      new CatchUp(this.#accounts, kernel),
      new ContainerFollow(kernel, options.filters.containers),
    ];
  }

  /** Learns what was there before; call once, before anything is heard. */
  discover(discovery: Discovery): void {
    const forks = pastForks();
    for (const fork of forks) this.#processes.adopt(fork);
    discover(discovery, this.#kernel, this.#processes, this.rooms);
    for (const fork of forks) this.rooms.effects?.push(fork);
    this.#connections?.discover();
  }

  /** Looks for TLS libraries. `command`: one that is about to be started. */
  listenToTls(command?: string): void {
    this.#tls?.listen(command);
  }

  /** Hears nothing more. */
  detach(): void {
    this.#tls?.[Symbol.dispose]();
    this.#kernel.detach();
  }

  /** After the last record: all that is still open ends in the rooms. */
  end(nowNs: number): void {
    this.rooms.connections.push({ kind: "tick", timeNs: nowNs });
    this.#connections?.end(nowNs);
    this.#holders.look(nowNs, true);
    this.#accounts.giveUp(nowNs);
    this.#accounts.tellLying(nowNs);
    this.#tls?.end(nowNs);
    this.rooms.end();
  }

  /** Parts of the front end that no event could tell of. */
  missing(nowNs: number): readonly CoverageLine[] {
    return [
      ...missingParts(this.#kernel, nowNs),
      ...untold("files_lost", this.#kernel.lostCount("file_events_lost"), nowNs),
      ...untold("effects_limit", this.rooms.effects?.overflow ?? 0, nowNs),
      ...untold("connections_limit", this.rooms.connections.overflow, nowNs),
    ];
  }

  /** What only the capture knows; after `end`. */
  facts(): CaptureFacts {
    const connections = this.#connections?.losses();
    return {
      ...captureFacts(this.#kernel, this.rooms.stream, this.#accounts.missedBytes),
      ...(connections === undefined ? {} : { connections }),
    };
  }

  /** In TLS both hearings of it. */
  #setAside(channel: Channel): void {
    if (!(channel instanceof ChannelState)) return;
    this.#aside.add(channel, this.#nowNs());
    if (channel.twin) this.#aside.add(channel.twin, this.#nowNs());
  }

  #judge({ channel, verdict }: HttpVerdict): void {
    if (!(channel instanceof ChannelState)) return;
    if (!isConnection(channel)) return;
    for (const { address, inode, position } of [channel, channel.twin ?? channel]) {
      this.#kernel.judge(address, inode, verdict, position);
    }
  }
}
