/** The programs at work: a front end loaded and attached, its ring, its maps and live variables. */
import { readObject } from "../../ffi/assets.ts";
import { BpfError } from "../../ffi/errors.ts";
import type { BpfMap } from "../../ffi/map.ts";
import { type BpfIterator, type BpfLink, BpfObject } from "../../ffi/object.ts";
import { RingBuffer } from "../../ffi/ring-buffer.ts";
import { ChannelEntries } from "./channel-entries.ts";
import { u64, wholeAddress } from "./fields.ts";
import {
  blockedCopies,
  FIRST_COPIES,
  type FrontEnd,
  fexitPrograms,
  LAST_COPIES,
  type ProgramPlan,
  plansToProbe,
  tracepointPrograms,
} from "./front-ends.ts";
import { variableOffsets } from "./globals.ts";
import { decodeHolders, type Holder } from "./holders.ts";
import { IGNORED_SLOTS, LINK } from "./layout.ts";

export interface KernelOptions {
  readonly frontEnd: FrontEnd;
  readonly ringBytes: number;
  readonly ownPid: number;
  /** The kernel may preempt programs, and skips runs then: those at the exit of system calls are loaded twice. */
  readonly preemptible: boolean;
  /** To find out only whether it works: disturbs nobody else's programs. */
  readonly probing?: boolean;
  readonly filtering: boolean;
  readonly followNames: readonly string[];
  readonly followCgroups: readonly bigint[];
}

/** enum verdict of bpf/tcp.h */
const TCP_VERDICTS = ["open", "mcp", "other", "aside"] as const;
export type TcpVerdict = (typeof TCP_VERDICTS)[number];

export interface ThreadId {
  readonly pid: number;
  readonly tid: number;
}

/** What found no room, and no channel's entry counts. */
export interface Counters {
  readonly unattributedBytes: number;
  readonly notesLost: number;
  readonly processEventsLost: number;
}

function threadKey({ pid, tid }: ThreadId): Uint8Array {
  return new Uint8Array(new Uint32Array([tid, pid]).buffer);
}

function pidKey(pid: number): Uint8Array {
  return new Uint8Array(new Uint32Array([pid]).buffer);
}

/** Needed by --comm only: most processes rename themselves at exec, which is heard anyhow. */
const RENAME = "process_rename";

/** Processes and connections, whichever front end. */
const ALWAYS = ["process_fork", "process_exec", "process_exit", "socket_state", "socket_end"];

/** Optional: the ends of connections that have no socket yet. Without: a client of this host that writes before its server's
 * socket is there may be heard twice, unless by loopback. */
const PROBES = ["synack_v4", "synack_v6"];

const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

export class Kernel implements Disposable {
  readonly frontEnd: FrontEnd;
  readonly ring: RingBuffer;
  readonly entries: ChannelEntries;
  /** Optional programs that this kernel does not take. */
  readonly missing: string[] = [];
  readonly #object: BpfObject;
  /** The programs for calls that were under way at the start. */
  readonly #blockedCopies: readonly string[];
  readonly #blockedLinks: BpfLink[] = [];
  #scanner: BpfIterator | undefined;
  readonly #links: BpfLink[] = [];
  readonly #bss: DataView<ArrayBuffer>;
  readonly #bssOffsets: ReadonlyMap<string, number>;
  readonly #followed: BpfMap;
  #twins: boolean;
  /** Skipped runs of the first copies before there was a second. */
  #skippedBefore = 0;

  /** @throws BpfError or VerifierError when the kernel refuses the front end; nothing stays behind then. */
  constructor(options: KernelOptions) {
    const bytes = readObject();
    this.frontEnd = options.frontEnd;
    this.#twins = options.frontEnd === "fexit" || options.preemptible;
    this.#blockedCopies = blockedCopies(options.preemptible);
    this.#bssOffsets = variableOffsets(bytes, "bss");
    this.#object = new BpfObject(bytes, "overhear");
    try {
      this.#object.resizeMap("ring", options.ringBytes);
      this.#setConstants(bytes, options);
      const plans = this.#enable(options);
      this.#object.load();
      this.#bss = this.#object.memory(".bss");
      this.#bss.setUint32(this.#variable("twins"), this.#twins ? 1 : 0, true);
      this.entries = new ChannelEntries({
        channels: this.#object.map("channels"),
        tcpChannels: this.#object.map("tcp_channels"),
        ended: this.#object.map("ended"),
        forget: (address, generation) => this.#object.run("forget_channel", address, generation),
      });
      this.#followed = this.#object.map("followed");
      this.#fillFollowed(options);
      for (const name of ALWAYS) {
        this.#links.push(this.#object.attach(name));
      }
      for (const name of PROBES) this.#attachIfPossible(name);
      if (options.followNames.length > 0) this.#links.push(this.#object.attach(RENAME));
      for (const plan of options.probing ? plansToProbe(plans) : plans) this.#attach(plan);
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

  /** Who holds which channel now. */
  scan(): Holder[] {
    this.#scanner ??= this.#object.iterator("scan_files");
    return decodeHolders(this.#scanner.run());
  }

  /** Stops, or starts again, the copying of a channel's bytes. */
  ignore(channel: number, generation: number, ignored: boolean): void {
    const whole = wholeAddress(channel);
    const slot = Number(((whole >> 6n) ^ (whole >> 20n)) & BigInt(IGNORED_SLOTS - 1));
    const value = BigInt.asUintN(64, whole + BigInt(generation));
    const at = this.#variable("ignored") + slot * 8;
    if (ignored) this.#bss.setBigUint64(at, value, true);
    else if (this.#bss.getBigUint64(at, true) === value) this.#bss.setBigUint64(at, 0n, true);
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

  /** Two sockets that were connected before the tool listened are each other's ends; without `peer`: to another host. */
  link(socket: number, peer: number | undefined): void {
    const value = new DataView(new ArrayBuffer(LINK.size));
    if (peer !== undefined) value.setBigUint64(LINK.peer, wholeAddress(peer), true);
    value.setUint32(LINK.late, 1, true);
    const key = new Uint8Array(new BigUint64Array([wholeAddress(socket)]).buffer);
    const links = this.#object.map("links");
    // one that was connected since the programs are attached is known better
    if (links.lookup(key, new Uint8Array(LINK.size))) return;
    links.set(key, new Uint8Array(value.buffer));
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

  /** fexit: these threads are inside a call that fexit will not see return; programs at the exit of system calls wait for
   * them. */
  watchBlocked(threads: readonly ThreadId[]): void {
    if (threads.length === 0) return;
    const map = this.#object.map("blocked");
    for (const thread of threads) map.set(threadKey(thread), ONE);
    this.#bss.setUint32(this.#variable("blocked_left"), threads.length, true);
    for (const program of this.#blockedCopies)
      this.#blockedLinks.push(this.#object.attach(program));
  }

  /** These threads have ended, perhaps before the kernel began to look for that. */
  unwatchBlocked(threads: readonly ThreadId[]): void {
    const map = this.#object.map("blocked");
    const left = new Int32Array(this.#bss.buffer, this.#variable("blocked_left"), 1);
    // the programs count down meanwhile
    for (const thread of threads) if (map.delete(threadKey(thread))) Atomics.sub(left, 0, 1);
  }

  /** Takes these programs away when none of their threads is left. */
  releaseBlocked(): void {
    if (this.#blockedLinks.length === 0) return;
    if (this.#bss.getInt32(this.#variable("blocked_left"), true) <= 0) this.#detachBlocked();
  }

  /** tracepoint: the kernel does skip runs. The first copy marks from now on; after a pause, attachTwin. */
  announceTwin(): void {
    this.#bss.setUint32(this.#variable("twins"), 1, true);
  }

  /** All first copies that ran before `announceTwin` have returned. */
  attachTwin(): void {
    this.#links.push(this.#object.attach("exit_twin"));
    this.#skippedBefore = this.firstCopySkips();
    this.#twins = true;
  }

  get hasTwins(): boolean {
    return this.#twins;
  }

  counters(): Counters {
    const read = (name: string) => u64(this.#bss, this.#variable(name));
    return {
      unattributedBytes: read("unattributed_bytes"),
      notesLost: read("notes_lost"),
      processEventsLost: read("process_events_lost"),
    };
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
    if (!this.#twins) return this.firstCopySkips();
    return this.#skippedBefore + this.#misses(LAST_COPIES);
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
    return this.#misses(FIRST_COPIES);
  }

  /** Hears nothing more; what is in the ring stays there to be drained. */
  detach(): void {
    this.#detachBlocked();
    for (const link of this.#links.splice(0).reverse()) link[Symbol.dispose]();
  }

  #detachBlocked(): void {
    for (const link of this.#blockedLinks.splice(0)) link[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.detach();
    this.#scanner?.[Symbol.dispose]();
    // undefined when the constructor failed before
    const ring: RingBuffer | undefined = this.ring;
    ring?.[Symbol.dispose]();
    this.#object[Symbol.dispose]();
  }

  #misses(programs: Readonly<Record<FrontEnd, readonly string[]>>): number {
    return programs[this.frontEnd].reduce((sum, each) => sum + this.#object.misses(each), 0);
  }

  #setConstants(bytes: Uint8Array, options: KernelOptions): void {
    const rodata = this.#object.memory(".rodata");
    const offsets = variableOffsets(bytes, "rodata");
    const offset = (name: string) => {
      const found = offsets.get(name);
      if (found === undefined) throw new BpfError(`Cannot find constant "${name}"`, 2);
      return found;
    };
    rodata.setUint32(offset("own_tgid"), options.ownPid, true);
    rodata.setUint8(offset("filtering"), options.filtering ? 1 : 0);
    rodata.setUint8(offset("following_by_place"), options.filtering ? 1 : 0);
  }

  #enable(options: KernelOptions): ProgramPlan[] {
    const plans =
      options.frontEnd === "fexit"
        ? fexitPrograms(options.preemptible)
        : tracepointPrograms(options.preemptible);
    const enabled = plans.filter((plan) => this.#enableOne(plan));
    if (options.followNames.length > 0) this.#object.enable(RENAME);
    const later = options.frontEnd === "fexit" ? this.#blockedCopies : ["exit_twin"];
    for (const program of later) this.#object.enable(program);
    return enabled;
  }

  #enableOne(plan: ProgramPlan): boolean {
    if (plan.targets.length === 0) {
      this.#object.enable(plan.program);
      return true;
    }
    let failure: unknown;
    for (const target of plan.targets) {
      try {
        if (plan.requires !== undefined) this.#object.enable(plan.program, plan.requires);
        this.#object.enable(plan.program, target);
        return true;
      } catch (error) {
        failure = error;
      }
    }
    if (!plan.optional) throw failure;
    this.#object.disable(plan.program);
    if (plan.requires === undefined) this.missing.push(plan.program);
    return false;
  }

  #attachIfPossible(program: string): void {
    try {
      this.#links.push(this.#object.attach(program));
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
    }
  }

  #attach(plan: ProgramPlan): void {
    try {
      this.#links.push(this.#object.attach(plan.program));
    } catch (error) {
      if (!plan.optional) throw error;
      this.missing.push(plan.program);
    }
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
    const offset = this.#bssOffsets.get(name);
    if (offset === undefined) throw new BpfError(`Cannot find variable "${name}"`, 2);
    return offset;
  }
}
