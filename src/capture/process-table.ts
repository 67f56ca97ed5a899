/** All processes that were met: one object each, whatever their pid is reused for. */
import { RecentMap } from "../recent-map.ts";
import { containerIdOf } from "./container.ts";
import { isSameStart, type ProcSnapshot } from "./proc.ts";
import type {
  ExecEvent,
  ExitEvent,
  ForkEvent,
  Process,
  ProcessDirectory,
  StandardStreams,
} from "./types.ts";

interface Remembered {
  readonly startNs: number;
  /** Whose command line it has, when it forked and did not exec yet; else 0. */
  readonly parentPid: number;
  readonly commandLine: readonly string[];
  /** After its exec; of a process that has only forked, its parent's. */
  readonly comm: string;
  readonly cgroupId: bigint;
  /** Likewise: those of its parent, until it execs. */
  readonly streams?: StandardStreams | undefined;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

// execs of processes that have not touched a channel yet; an exit takes its entry away
const MAX_REMEMBERED = 65_536;
const MAX_GONE = 1024;
const MAX_CGROUPS = 16_384;
const MAX_PARENTS = 65_536;
const MAX_ANCESTORS = 32;

export class ProcessTable implements ProcessDirectory {
  readonly #read: (pid: number) => ProcSnapshot | undefined;
  readonly #findCgroup: (id: bigint) => string | undefined;
  readonly #known = new RecentMap<number, Writable<Process>>(MAX_REMEMBERED);
  /** Ended lately: frames that waited for a note may still be theirs. */
  readonly #gone = new RecentMap<number, Writable<Process>>(MAX_GONE);
  readonly #remembered = new RecentMap<number, Remembered>(MAX_REMEMBERED);
  readonly #containers = new Map<bigint, string | undefined>();
  /** Whose child each is, those that have ended among them: a shell may end before its pipeline. */
  readonly #parents = new RecentMap<number, number>(MAX_PARENTS);
  readonly #readStreams: (pid: number) => StandardStreams | undefined;

  /** `read`, `readStreams`: read /proc. `findCgroup`: the path of a cgroup by its id. */
  constructor(
    read: (pid: number) => ProcSnapshot | undefined,
    findCgroup: (id: bigint) => string | undefined,
    readStreams: (pid: number) => StandardStreams | undefined = () => undefined,
  ) {
    this.#read = read;
    this.#findCgroup = findCgroup;
    this.#readStreams = readStreams;
  }

  /** `comm`: "" when no record brought it. */
  at(pid: number, startNs: number, comm: string): Process {
    const known = this.#known.get(pid);
    if (known && known.startNs === startNs) {
      if (known.comm !== comm && comm !== "") known.comm = comm;
      return known;
    }
    const gone = this.#gone.get(pid);
    if (gone?.startNs === startNs) return gone;
    const process = this.#describe(pid, startNs, comm);
    // one that had the pid before stands in nobody's way
    const isOlder = known !== undefined && startNs < known.startNs;
    (isOlder ? this.#gone : this.#known).set(pid, process);
    return process;
  }

  named(pid: number, startNs: number): Process | undefined {
    return pid === 0 ? undefined : this.at(pid, startNs, "");
  }

  running(pid: number): Process | undefined {
    return this.#known.get(pid);
  }

  /** The process that has this pid now, if it was met. */
  find(pid: number, startNs: number): Process | undefined {
    const known = this.#known.get(pid);
    return known?.startNs === startNs ? known : undefined;
  }

  /** Whose child a process is that runs already. */
  adopt({ pid, parentPid }: Pick<ForkEvent, "pid" | "parentPid">): void {
    this.#parents.set(pid, parentPid);
  }

  fork(event: ForkEvent): void {
    const { pid, startNs, cgroupId } = event;
    this.adopt(event);
    const parent = this.#remembered.get(event.parentPid) ?? this.#known.get(event.parentPid);
    const { streams } = parent ?? {};
    const commandLine = parent?.commandLine ?? [];
    const comm = parent?.comm ?? "";
    const known = this.#known.get(pid);
    if (known?.startNs === startNs) {
      // a scan has met it already, which is ahead of the ring; it may have been gone before /proc was asked
      if (known.commandLine.length === 0) {
        known.commandLine = commandLine;
        known.containerId ??= this.#containerOf(cgroupId);
      }
      return;
    }
    const { parentPid } = event;
    this.#remembered.set(pid, { startNs, cgroupId, commandLine, comm, parentPid, streams });
  }

  exec(event: ExecEvent): void {
    const known = this.#known.get(event.pid);
    if (known && known.startNs === event.startNs) {
      known.comm = event.comm;
      known.commandLine = event.commandLine;
      known.streams = event.streams ?? known.streams;
      // container runtimes fork, move the child into its cgroup, and exec
      known.containerId = this.#containerNow(event) ?? known.containerId;
      return;
    }
    this.#remembered.set(event.pid, { ...event, parentPid: 0 });
  }

  /** The process that ended, if it was met; it is forgotten here. */
  exit(event: ExitEvent): Process | undefined {
    const remembered = this.#remembered.get(event.pid);
    if (remembered?.startNs === event.startNs) this.#remembered.delete(event.pid);
    const known = this.#known.get(event.pid);
    if (known?.startNs !== event.startNs) return undefined;
    const signal = event.status & 0x7f;
    known.exit = {
      timeNs: event.timeNs,
      code: signal === 0 ? (event.status >> 8) & 0xff : undefined,
      signal: signal === 0 ? undefined : signal,
    };
    this.#known.delete(event.pid);
    this.#gone.set(event.pid, known);
    return known;
  }

  #describe(pid: number, startNs: number, comm: string): Writable<Process> {
    const remembered = this.#remembered.get(pid);
    const exec = remembered?.startNs === startNs ? remembered : undefined;
    // that of a process which has the pid since is kept
    if (remembered && remembered.startNs <= startNs) this.#remembered.delete(pid);
    const found = this.#read(pid);
    const snapshot = found && isSameStart(startNs, found.startTicks) ? found : undefined;
    const cgroupPath = snapshot?.cgroupPath;
    let containerId = containerIdOf(cgroupPath);
    // one that has only forked may be in another cgroup by now
    if (exec?.parentPid === 0 && cgroupPath !== undefined) {
      this.#rememberContainer(exec.cgroupId, containerId);
    }
    // gone before it could be asked, or while it was: its cgroup may be known from another process
    if (exec && cgroupPath === undefined) containerId = this.#containerOf(exec.cgroupId);
    const live = snapshot?.commandLine ?? [];
    const commandLine = live.length > 0 ? live : this.#commandLineOf(exec);
    return {
      pid,
      startNs,
      comm: comm || (snapshot?.comm ?? exec?.comm ?? ""),
      commandLine,
      containerId,
      exit: undefined,
      streams: this.#streamsOf(pid, exec, snapshot !== undefined),
      ancestors: this.#ancestorsOf(pid),
      groupId: snapshot?.groupId,
    };
  }

  /** What its program was given; of one that has not execed, as far as was heard, what it has now. */
  #streamsOf(pid: number, remembered: Remembered | undefined, isThere: boolean) {
    const given = remembered?.streams;
    if (given !== undefined && remembered?.parentPid === 0) return given;
    return (isThere ? this.#readStreams(pid) : undefined) ?? given;
  }

  #ancestorsOf(pid: number): readonly number[] | undefined {
    const ancestors: number[] = [];
    let at = this.#parents.get(pid);
    while (at !== undefined && at > 0 && ancestors.length < MAX_ANCESTORS) {
      ancestors.push(at);
      at = this.#parents.get(at);
    }
    return ancestors.length > 0 ? ancestors : undefined;
  }

  /** Gone before it could be asked: what its exec said, or its parent, whose copy it was. */
  #commandLineOf(remembered: Remembered | undefined): readonly string[] {
    if (!remembered) return [];
    if (remembered.commandLine.length > 0 || remembered.parentPid === 0)
      return remembered.commandLine;
    return this.#read(remembered.parentPid)?.commandLine ?? [];
  }

  #containerNow({ pid, startNs, cgroupId }: ExecEvent): string | undefined {
    const found = this.#read(pid);
    const isIt = found !== undefined && isSameStart(startNs, found.startTicks);
    if (!isIt || found.cgroupPath === undefined) return this.#containerOf(cgroupId);
    return containerIdOf(found.cgroupPath);
  }

  #containerOf(cgroupId: bigint): string | undefined {
    if (!this.#containers.has(cgroupId)) {
      this.#rememberContainer(cgroupId, containerIdOf(this.#findCgroup(cgroupId)));
    }
    return this.#containers.get(cgroupId);
  }

  #rememberContainer(cgroupId: bigint, containerId: string | undefined): void {
    if (this.#containers.size >= MAX_CGROUPS) this.#containers.clear();
    this.#containers.set(cgroupId, containerId);
  }
}
