/** The kernel in; the rooms, with all that looks after what they know of the kernel, out: wired once, for one run. */
import { findCgroupPath } from "../capture/cgroups.ts";
import type { Kernel } from "../capture/kernel.ts";
import { readProcess } from "../capture/proc.ts";
import { ProcessTable } from "../capture/process-table.ts";
import type { Channel } from "../capture/types.ts";
import type { ListenOptions } from "../cli/types.ts";
import type { CaptureFacts, CoverageLine } from "../exchange/types.ts";
import type { HttpVerdict } from "../framing/types.ts";
import { ChannelState } from "../stream/channel-state.ts";
import { Accounts, type EntrySource } from "./accounts.ts";
import { BlockedRelease } from "./blocked.ts";
import { CatchUp } from "./catch-up.ts";
import { type Discovery, discover } from "./discover.ts";
import { captureFacts, missingParts } from "./facts.ts";
import { ContainerFollow } from "./follow.ts";
import { HoldersWatch } from "./holders-watch.ts";
import { Inquiry } from "./inquiry.ts";
import { Pipeline } from "./pipeline.ts";
import { SetAside } from "./set-aside.ts";
import type { Subject } from "./subject.ts";
import { TwinWatch } from "./twin.ts";

/** What of the kernel a run needs, besides its records. */
export type HeardKernel = Pick<
  Kernel,
  | "announceTwin"
  | "attachTwin"
  | "counters"
  | "detach"
  | "endedCount"
  | "firstCopySkips"
  | "follow"
  | "frontEnd"
  | "hasTwins"
  | "ignore"
  | "judge"
  | "link"
  | "maySkip"
  | "missing"
  | "releaseBlocked"
  | "ringFullCount"
  | "scan"
  | "skippedRuns"
> & { readonly entries: EntrySource };

export interface HearingOptions {
  readonly kernel: HeardKernel;
  readonly options: Pick<ListenOptions, "allJsonrpc" | "maxMessageBytes" | "filters">;
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
  readonly #processes = new ProcessTable(readProcess, findCgroupPath);
  readonly #aside: SetAside;
  readonly #accounts: Accounts;
  readonly #holders: HoldersWatch;

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
        lastWord: (channel) => this.#accounts.lastWord(channel),
      },
      allJsonrpc: options.allJsonrpc,
      listenNs: startNs,
      maxLineBytes: options.maxMessageBytes,
      isHeard: filtering ? (channel) => inquiry.isWanted(channel) : () => true,
      onSetAside: (channel) => this.#setAside(channel),
      onVerdict: (verdict) => this.#judge(verdict),
      onFrame,
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
    this.subjects = [
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
    discover(discovery, this.#kernel, this.#processes, this.rooms);
  }

  /** After the last record: all that is still open ends in the rooms. */
  end(nowNs: number): void {
    this.#holders.look(nowNs, true);
    this.#accounts.giveUp(nowNs);
    this.#accounts.countMissed();
    this.rooms.end();
  }

  /** Parts of the front end that no event could tell of. */
  missing(nowNs: number): readonly CoverageLine[] {
    return missingParts(this.#kernel, nowNs);
  }

  /** What only the capture knows; after `end`. */
  facts(): CaptureFacts {
    return captureFacts(this.#kernel, this.rooms.stream, this.#accounts.missedBytes);
  }

  #setAside(channel: Channel): void {
    if (channel instanceof ChannelState) this.#aside.add(channel, this.#nowNs());
  }

  #judge({ channel, verdict }: HttpVerdict): void {
    if (channel instanceof ChannelState && channel.kind === "tcp") {
      this.#kernel.judge(channel.address, channel.inode, verdict, channel.position);
    }
  }
}
