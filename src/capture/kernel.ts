/** The programs at work: a front end loaded and attached, its ring, its maps and live variables. */
import { readObject } from "../../ffi/assets.ts";
import type { BpfMap } from "../../ffi/map.ts";
import { type BpfIterator, type BpfLink, BpfObject } from "../../ffi/object.ts";
import { RingBuffer } from "../../ffi/ring-buffer.ts";
import { BlockedWatch, type ThreadId } from "./blocked-watch.ts";
import { ChannelEntries } from "./channel-entries.ts";
import {
  type ConnectionsKernel,
  type ConnectionsWish,
  openConnections,
} from "./connections/connections-kernel.ts";
import { setConstants } from "./constants.ts";
import { ExitTwin } from "./exit-twin.ts";
import { u64, wholeAddress } from "./fields.ts";
import { FilesKernel } from "./files/files-kernel.ts";
import { FrontEndPrograms, MAP_FILE } from "./front-end-programs.ts";
import {
  blockedCopies,
  EXIT_GOES_ON,
  FIRST_COPIES,
  type FrontEnd,
  LAST_COPIES,
  type ProgramPlan,
  plansToProbe,
} from "./front-ends.ts";
import { offsetOf, variableOffsets } from "./globals.ts";
import { decodeHolders, type Holder } from "./holders.ts";
import { IgnoredChannels } from "./ignored-channels.ts";
import { hasUprobeMulti } from "./kernel-types.ts";
import { type Owner, writeLink } from "./links.ts";
import { TlsKernel, type TlsKernelOptions } from "./tls/tls-kernel.ts";
import { TlsUsers } from "./tls/tls-users.ts";

export interface KernelOptions {
  readonly frontEnd: FrontEnd;
  readonly ringBytes: number;
  readonly ownPid: number;
  /** The kernel may preempt programs, and skips runs then: second copies are wanted also where each costs something. */
  readonly preemptible: boolean;
  /** To find out only whether it works: disturbs nobody else's programs. */
  readonly probing?: boolean;
  /** False: nothing of what channels carry, only processes. */
  readonly hearsChannels?: boolean;
  /** Connections, too. */
  readonly connections?: ConnectionsWish | undefined;
  /** Files that processes below servers change, too. */
  readonly files?: boolean;
  readonly filtering: boolean;
  /** Tells of files that are mapped to be run, and of processes whose sockets carry TLS. */
  readonly watchFiles?: boolean;
  readonly followNames: readonly string[];
  readonly followCgroups: readonly bigint[];
}

export type TlsOptions = Pick<TlsKernelOptions, "ownPid" | "filtering">;

/** enum verdict of bpf/tcp.h */
const TCP_VERDICTS = ["open", "mcp", "other", "aside"] as const;
export type TcpVerdict = (typeof TCP_VERDICTS)[number];

/** What found no room, and no channel's entry counts. */
export interface Counters {
  readonly unattributedBytes: number;
  readonly notesLost: number;
  readonly processEventsLost: number;
}

/** What else found no room, by the name of its variable (bpf/maps.h). */
export type LostCount = "connection_events_lost" | "connections_unseen" | "file_events_lost";

function pidKey(pid: number): Uint8Array {
  return new Uint8Array(new Uint32Array([pid]).buffer);
}

/** Needed by --comm only: most processes rename themselves at exec, which is heard anyhow. */
const RENAME = "process_rename";

const PROCESSES = ["process_fork", "process_exec", "process_exit"];
const SOCKETS = ["socket_state", "socket_end"];

/** Optional; without, a client of this host that writes before its server has a socket may be heard twice. */
const PROBES = ["synack_v4", "synack_v6"];

const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

export class Kernel implements Disposable {
  readonly frontEnd: FrontEnd;
  readonly ring: RingBuffer;
  readonly entries: ChannelEntries;
  readonly tlsUsers: TlsUsers;
  /** undefined: not asked for, or this kernel does not take them. */
  readonly connections: ConnectionsKernel | undefined;
  /** undefined: not asked for. */
  readonly files: FilesKernel | undefined;
  /** Optional programs that this kernel does not take. */
  readonly missing: string[] = [];
  readonly #object: BpfObject;
  /** The programs for calls that were under way at the start. */
  readonly #blockedCopies: readonly string[];
  readonly #blocked: BlockedWatch;
  #scanner: BpfIterator | undefined;
  readonly #links: BpfLink[] = [];
  readonly #bss: DataView<ArrayBuffer>;
  readonly #ignored: IgnoredChannels;
  readonly #bssOffsets: ReadonlyMap<string, number>;
  readonly #followed: BpfMap;
  /** tracepoint: the second copy is to come as soon as possible. */
  readonly wantsTwin: boolean;
  readonly #openTwin: () => ExitTwin;
  #twin: ExitTwin | undefined;

  /** @throws BpfError or VerifierError when the kernel refuses the front end; nothing stays behind then. */
  constructor(options: KernelOptions) {
    const bytes = readObject();
    this.frontEnd = options.frontEnd;
    this.wantsTwin = options.frontEnd === "tracepoint" && options.preemptible;
    this.#blockedCopies = blockedCopies(options.preemptible);
    this.#bssOffsets = variableOffsets(bytes, "bss");
    this.#object = new BpfObject(bytes, "overhear");
    try {
      this.#object.resizeMap("ring", options.ringBytes);
      const constants = {
        own_tgid: options.ownPid,
        filtering: options.filtering,
        following_by_place: options.filtering,
        watching_files: options.watchFiles === true,
        exit_goes_on: EXIT_GOES_ON,
      };
      setConstants(this.#object, bytes, constants);
      const programs = new FrontEndPrograms(this.#object, this.#links, this.missing);
      const plans = this.#enable(programs, options);
      this.#object.load();
      this.#bss = this.#object.memory(".bss");
      this.#ignored = new IgnoredChannels(this.#bss, (name) => this.#variable(name));
      const mark = (stage: number) => this.#bss.setUint32(this.#variable("twins"), stage, true);
      const skips = () => this.firstCopySkips();
      this.#openTwin = () => new ExitTwin({ main: this.#object, bytes, constants, mark, skips });
      if (options.frontEnd === "fexit") mark(1);
      this.entries = new ChannelEntries({
        channels: this.#object.map("channels"),
        tcpChannels: this.#object.map("tcp_channels"),
        ended: this.#object.map("ended"),
        forget: (address, generation) => this.#object.run("forget_channel", address, generation),
      });
      this.tlsUsers = new TlsUsers(this.#object.map("tls_users"), this.#object.map("known_files"));
      this.#blocked = new BlockedWatch(
        this.#object,
        this.#blockedCopies,
        new Int32Array(this.#bss.buffer, this.#variable("blocked_left"), 1),
      );
      this.#followed = this.#object.map("followed");
      this.#fillFollowed(options);
      for (const name of PROCESSES) this.#links.push(this.#object.attach(name));
      if (options.hearsChannels !== false) {
        for (const name of SOCKETS) this.#links.push(this.#object.attach(name));
        for (const name of PROBES) programs.attachIfPossible(name);
      }
      if (options.followNames.length > 0) this.#links.push(this.#object.attach(RENAME));
      for (const plan of options.probing ? plansToProbe(plans) : plans) programs.attach(plan);
      this.connections = openConnections(this.#object, options, this.missing);
      if (options.files === true) this.files = new FilesKernel(this.#object, options.ownPid);
      // last: its memory, once mapped, stays
      this.ring = new RingBuffer(
        this.#object.map("ring"),
        options.ringBytes,
        new DataView(this.#bss.buffer, this.#variable("consumer_sleeps"), 4),
      );
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** What hears TLS, with this object's ring and channels. @throws BpfError or VerifierError */
  openTls(options: TlsOptions, multi = hasUprobeMulti()): TlsKernel {
    const { frontEnd } = this;
    const deafen = () => this.#bss.setUint32(this.#variable("deaf"), 1, true);
    return new TlsKernel(this.#object, { ...options, frontEnd, multi, deafen });
  }

  /** False where mapped files are not told of. */
  get tellsFiles(): boolean {
    return !this.missing.includes(MAP_FILE);
  }

  /** Who holds which channel now. */
  scan(): Holder[] {
    this.#scanner ??= this.#object.iterator("scan_files");
    return decodeHolders(this.#scanner.run());
  }

  /**
   * Stops, or starts again, the copying of a channel's bytes. `writerPid`: when that process reads what looks like a
   * question, the kernel starts it again.
   */
  ignore(channel: number, generation: number, ignored: boolean, writerPid?: number): void {
    this.#ignored.set(wholeAddress(channel), generation, ignored, writerPid);
  }

  isIgnored(channel: number, generation: number): boolean {
    return this.#ignored.has(wholeAddress(channel), generation);
  }

  /**
   * What a TCP connection carries; `channel`: that of its requests, or of lines. `aside`: nothing, until it is `open`.
   * `heard`: bytes of it so far; a request that began behind them is not meant by `other`.
   */
  judge(channel: number, generation: number, verdict: TcpVerdict, heard = 0): void {
    const code = BigInt(TCP_VERDICTS.indexOf(verdict));
    this.#object.run(
      "judge_channel",
      wholeAddress(channel),
      BigInt(generation),
      code,
      BigInt(heard),
    );
  }

  /** TLS: of what is written there only notes are sent, since it is heard where it is read; or the bytes again. */
  quiet(channel: number, generation: number, isQuiet: boolean): void {
    const verdict = isQuiet ? 4n : 5n;
    // the kernel wants all arguments that the program may look at
    this.#object.run("judge_channel", wholeAddress(channel), BigInt(generation), verdict, 0n);
  }

  /** Two sockets that were connected before the tool listened are each other's ends; without `peer`: to another host. */
  link(socket: number, peer: number | undefined, owner: Owner | undefined): void {
    writeLink(this.#object.map("links"), { socket, peer, owner });
  }

  follow(pid: number): void {
    this.#followed.set(pidKey(pid), ONE.subarray(0, 4));
  }

  unfollow(pid: number): void {
    this.#followed.delete(pidKey(pid));
  }

  followCgroup(id: bigint): void {
    const key = new Uint8Array(new BigUint64Array([id]).buffer);
    this.#object.map("followed_cgroups").set(key, ONE.subarray(0, 4));
  }

  /** fexit: these threads are inside a call that it will not see return; programs at its exit wait for them. */
  watchBlocked(threads: readonly ThreadId[]): void {
    this.#blocked.watch(threads);
  }

  /** These threads have ended, perhaps before the kernel began to look for that. */
  unwatchBlocked(threads: readonly ThreadId[]): void {
    this.#blocked.unwatch(threads);
  }

  /** Takes these programs away when none of their threads is left. */
  releaseBlocked(): void {
    this.#blocked.release();
  }

  /** tracepoint: the kernel does skip runs. A thread begins to load the second copy. @throws BpfError */
  beginTwin(): void {
    this.#twin ??= this.#openTwin();
  }

  /** The next step towards two copies, if it is loaded: after a pause there is "more". @throws BpfError or VerifierError */
  advanceTwin(): "loading" | "more" | "done" {
    if (this.#twin === undefined) return "done";
    if (!this.#twin.isLoaded) return "loading";
    return this.#twin.advance() ? "more" : "done";
  }

  get hasTwins(): boolean {
    return this.frontEnd === "fexit" || this.#twin?.isWhole === true;
  }

  counters(): Counters {
    const read = (name: string) => u64(this.#bss, this.#variable(name));
    return {
      unattributedBytes: read("unattributed_bytes"),
      notesLost: read("notes_lost"),
      processEventsLost: read("process_events_lost"),
    };
  }

  lostCount(of: LostCount): number {
    return u64(this.#bss, this.#variable(of));
  }

  /** Failed reserves so far: one load from shared memory, for every batch. */
  ringFullCount(): number {
    return u64(this.#bss, this.#variable("ring_full_count"));
  }

  /** Channels that the kernel saw end so far: one load, too. */
  endedCount(): number {
    return u64(this.#bss, this.#variable("ended_count"));
  }

  /** Runs that the kernel skipped and nothing took over (an upper bound). */
  skippedRuns(): number {
    if (this.frontEnd === "fexit") return this.#misses(LAST_COPIES);
    return this.#twin?.skippedRuns() ?? this.firstCopySkips();
  }

  /** Bytes that nobody heard may be those of a skipped run. The programs for calls that were under way run at the exit of
   * all system calls, so most of their skipped runs concern nobody: these are not counted, and only make bytes that are
   * missing in fact inexact. A call is missed where both are skipped. */
  maySkip(): boolean {
    if (this.skippedRuns() > 0) return true;
    return (
      this.frontEnd === "fexit" &&
      this.#blockedCopies.every((each) => this.#object.misses(each) > 0)
    );
  }

  /** Runs of first copies that the kernel skipped: it does skip. */
  firstCopySkips(): number {
    return this.#misses(FIRST_COPIES[this.frontEnd]);
  }

  /** Hears nothing more; what is in the ring stays there to be drained. */
  detach(): void {
    // undefined, too, when the constructor failed before
    this.connections?.detach();
    this.files?.detach();
    this.#twin?.detach();
    const blocked: BlockedWatch | undefined = this.#blocked;
    blocked?.detach();
    for (const link of this.#links.splice(0).reverse()) link[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.detach();
    this.#scanner?.[Symbol.dispose]();
    this.connections?.[Symbol.dispose]();
    this.files?.[Symbol.dispose]();
    this.#twin?.[Symbol.dispose]();
    this.#twin = undefined;
    // undefined when the constructor failed before
    const ring: RingBuffer | undefined = this.ring;
    ring?.[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }

  #misses(programs: readonly string[]): number {
    return programs.reduce((sum, each) => sum + this.#object.misses(each), 0);
  }

  #enable(programs: FrontEndPrograms, options: KernelOptions): readonly ProgramPlan[] {
    if (options.followNames.length > 0) this.#object.enable(RENAME);
    return options.hearsChannels === false ? [] : programs.enable(options);
  }

  #fillFollowed(options: KernelOptions): void {
    const names = this.#object.map("followed_names");
    for (const name of options.followNames) {
      const key = new Uint8Array(16);
      key.set(Buffer.from(name).subarray(0, 15));
      names.set(key, ONE.subarray(0, 4));
    }
    for (const id of options.followCgroups) this.followCgroup(id);
  }

  #variable(name: string): number {
    return offsetOf(this.#bssOffsets, name);
  }
}
