/**
 * Joins what processes do to the calls that had them do it.
 * In: calls, as their servers read and answer them; forks, execs, exits, connections, changed files; time.
 * Out: what each call caused, when it ends, and, of processes that outlive it, later.
 *
 * What a server does while one call is open is that call's; while several are, it may be of any, and all are named. A
 * process that is started then belongs to the same calls for life, and so do those that it starts.
 */
import type { ExecEvent, ForkEvent, Process, ProcessDirectory } from "../capture/types.ts";
import type { Stage } from "../stage.ts";
import { type Node, ProcessTree } from "./process-tree.ts";
import type {
  CallBegin,
  CallEnd,
  Connected,
  Effect,
  EffectInput,
  EffectOutput,
  FileChanged,
} from "./types.ts";

interface OpenCall<Call> {
  readonly call: Call;
  readonly idText: string;
  readonly server: Server<Call>;
  readonly startNs: number;
  endNs: number | undefined;
  readonly effects: Effect[];
}

type Owners<Call> = readonly OpenCall<Call>[];
type ProcessNode<Call> = Node<Owners<Call>>;

interface Server<Call> {
  readonly node: ProcessNode<Call>;
  /** Open ones, and those that ended a moment ago. */
  calls: OpenCall<Call>[];
}

type WithoutCandidates<T> = T extends Effect ? Omit<T, "candidates"> : never;

interface Pending<Call> {
  readonly node: ProcessNode<Call>;
  readonly what: WithoutCandidates<Effect>;
}

/** Requests wait for their writer's note as long, and are heard of after what they caused (framing/sender.ts). */
const GRACE_NS = 400_000_000;
const MAX_PENDING = 16_384;
/** Of one call; a build may start thousands of programs. */
const MAX_EFFECTS = 1000;
const NOTHING: readonly never[] = [];

export class EffectStage<Call extends object>
  implements Stage<EffectInput<Call>, EffectOutput<Call>>
{
  readonly #processes: ProcessDirectory;
  readonly #onServed: (pid: number) => void;
  readonly #tree = new ProcessTree<Owners<Call>>();
  readonly #servers = new Map<ProcessNode<Call>, Server<Call>>();
  readonly #open = new Map<Call, OpenCall<Call>>();
  #pending: Pending<Call>[] = [];
  /** Effects that are told of no call: there were too many. */
  overflow = 0;

  /** `onServed`: told of each process that works for a server when that is met; those that they start are not told of. */
  constructor(processes: ProcessDirectory, onServed: (pid: number) => void = () => undefined) {
    this.#processes = processes;
    this.#onServed = onServed;
  }

  /** Calls, servers and effects that are kept; 0 when all have ended. */
  get residue(): number {
    return this.#open.size + this.#servers.size + this.#pending.length;
  }

  push(item: EffectInput<Call>): readonly EffectOutput<Call>[] {
    switch (item.kind) {
      case "call-begin":
        this.#begin(item);
        return NOTHING;
      case "call-end":
        return this.#end(item);
      case "fork":
        this.#fork(item);
        return NOTHING;
      case "exec":
        this.#exec(item);
        return NOTHING;
      case "exit":
        this.#exit(item.pid, item.startNs);
        return NOTHING;
      case "connected":
        this.#connected(item);
        return NOTHING;
      case "file-changed":
        this.#fileChanged(item);
        return NOTHING;
      case "tick":
        return this.#tick(item.timeNs);
    }
  }

  end(): readonly EffectOutput<Call>[] {
    return this.#settle(Number.POSITIVE_INFINITY);
  }

  #begin({ call, idText, server: process, timeNs }: CallBegin<Call>): void {
    const node = this.#tree.at(process.pid, process.startNs);
    const server = this.#servers.get(node) ?? this.#meet(node);
    const open = { call, idText, server, startNs: timeNs, endNs: undefined, effects: [] };
    server.calls.push(open);
    this.#open.set(call, open);
  }

  #meet(node: ProcessNode<Call>): Server<Call> {
    const server = { node, calls: [] };
    this.#servers.set(node, server);
    this.#tree.keep(node);
    for (const each of [node, ...this.#tree.below(node)]) this.#onServed(each.pid);
    return server;
  }

  #end({ call, timeNs }: CallEnd<Call>): readonly EffectOutput<Call>[] {
    const open = this.#open.get(call);
    if (open === undefined) return [{ kind: "effects", call, effects: NOTHING }];
    const late = this.#settle(timeNs);
    open.endNs = timeNs;
    this.#open.delete(call);
    open.effects.sort((a, b) => a.timeNs - b.timeNs);
    return [...late, { kind: "effects", call, effects: open.effects }];
  }

  #fork(event: ForkEvent): void {
    const node = this.#tree.fork(event.pid, event.startNs, event.parentPid, event.timeNs);
    const { parent } = node;
    if (parent === undefined || !this.#isServed(parent)) return;
    const process = this.#processes.at(parent.pid, parent.startNs, "");
    const child = this.#processes.at(event.pid, event.startNs, "");
    this.#wait(node, { kind: "fork", timeNs: event.timeNs, process, child });
  }

  #exec(event: ExecEvent): void {
    const node = this.#tree.at(event.pid, event.startNs);
    node.hasExeced = true;
    if (!this.#isServed(node)) return;
    const process = this.#processes.at(event.pid, event.startNs, event.comm);
    this.#wait(node, { kind: "exec", timeNs: event.timeNs, process, argv: event.commandLine });
  }

  #exit(pid: number, startNs: number): void {
    const node = this.#tree.find(pid, startNs);
    if (node === undefined) return;
    this.#tree.exit(pid, startNs);
    // where a call is open it ends with its session
    if (this.#servers.get(node)?.calls.length === 0) this.#servers.delete(node);
  }

  #connected({ connection }: Connected): void {
    const { process, direction, startNs } = connection;
    if (process === undefined || direction !== "outgoing" || connection.openBefore) return;
    this.#did(process, { kind: "connect", timeNs: startNs, process, connection });
  }

  #fileChanged({ process, file, timeNs }: FileChanged): void {
    this.#did(process, { kind: "file", timeNs, process, file });
  }

  #did(process: Process, what: WithoutCandidates<Effect>): void {
    const node = this.#tree.find(process.pid, process.startNs);
    if (node !== undefined && this.#isServed(node)) this.#wait(node, what);
  }

  #wait(node: ProcessNode<Call>, what: WithoutCandidates<Effect>): void {
    if (this.#pending.length < MAX_PENDING) this.#pending.push({ node, what });
    else this.overflow++;
  }

  #tick(timeNs: number): readonly EffectOutput<Call>[] {
    const out = this.#pending.length > 0 ? this.#settle(timeNs - GRACE_NS) : NOTHING;
    for (const server of this.#servers.values()) {
      server.calls = server.calls.filter(
        ({ endNs }) => endNs === undefined || endNs > timeNs - GRACE_NS,
      );
      if (server.calls.length === 0 && !this.#isAlive(server.node)) {
        this.#servers.delete(server.node);
      }
    }
    return out;
  }

  #isAlive(node: ProcessNode<Call>): boolean {
    return this.#tree.find(node.pid, node.startNs) === node;
  }

  /** What happened until then is told of its calls; what belongs to none, and is older than requests wait, to nobody. */
  #settle(untilNs: number): readonly EffectOutput<Call>[] {
    const late: EffectOutput<Call>[] = [];
    const waiting: Pending<Call>[] = [];
    for (const pending of this.#pending) {
      if (!this.#isSettled(pending, untilNs, late)) waiting.push(pending);
    }
    this.#pending = waiting;
    return late;
  }

  /** False: whose it is may be known later. */
  #isSettled({ node, what }: Pending<Call>, untilNs: number, late: EffectOutput<Call>[]): boolean {
    if (what.timeNs > untilNs) return false;
    const isFork = what.kind === "fork";
    const owners = this.#ownersAt(isFork ? (node.parent ?? node) : node, what.timeNs);
    if (owners.length === 0 && untilNs - what.timeNs < GRACE_NS) return false;
    if (isFork) node.owners = owners;
    // a fork that an exec followed is told by that
    if (owners.length > 0 && !(isFork && node.hasExeced)) this.#tell(owners, what, late);
    return true;
  }

  #tell(owners: Owners<Call>, what: WithoutCandidates<Effect>, late: EffectOutput<Call>[]): void {
    const candidates = owners.length > 1 ? owners.map(({ idText }) => idText) : [];
    const effect: Effect = { ...what, candidates };
    for (const owner of owners) {
      if (owner.effects.length >= MAX_EFFECTS) {
        this.overflow++;
        continue;
      }
      owner.effects.push(effect);
      if (owner.endNs !== undefined) late.push({ kind: "late", call: owner.call, effect });
    }
  }

  /** The calls that a process works for at a time: those that it was started for, else those that its server had open. */
  #ownersAt(node: ProcessNode<Call>, timeNs: number): Owners<Call> {
    const server = this.#servers.get(node);
    if (server !== undefined) {
      const open = openAt(server, timeNs);
      if (open.length > 0) return open;
    }
    if (node.owners !== undefined && node.owners.length > 0) return node.owners;
    return node.parent === undefined ? NOTHING : this.#ownersAt(node.parent, timeNs);
  }

  #isServed(node: ProcessNode<Call>): boolean {
    if (this.#servers.size === 0) return false;
    for (let at: ProcessNode<Call> | undefined = node; at !== undefined; at = at.parent) {
      if (this.#servers.has(at) || (at.owners?.length ?? 0) > 0) return true;
    }
    return false;
  }
}

function openAt<Call>({ calls }: Server<Call>, timeNs: number): Owners<Call> {
  return calls.filter(
    ({ startNs, endNs }) => startNs <= timeNs && (endNs === undefined || timeNs <= endNs),
  );
}
