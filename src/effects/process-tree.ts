/** Forks and exits in, who is whose descendant out. */
import { RecentMap } from "../recent-map.ts";

export interface Node<Owners> {
  readonly pid: number;
  readonly startNs: number;
  /** When it was forked; 0: before anybody listened. */
  readonly bornNs: number;
  readonly parent: Node<Owners> | undefined;
  /** Of ancestors that are kept. */
  readonly depth: number;
  /** It has become another program than its parent's. */
  hasExeced: boolean;
  /** Calls that it belongs to for life; undefined: not known yet. */
  owners: Owners | undefined;
}

const MAX_NODES = 131_072;
/** A chain of processes, each of which starts the next and ends, is made shorter here. */
const MAX_DEPTH = 256;
/** /proc tells a start in steps of 10 ms. */
const SAME_START_NS = 20_000_000;

export class ProcessTree<Owners> {
  readonly #nodes = new RecentMap<number, Node<Owners>>(MAX_NODES);
  /** Those that are never forgotten before they end. */
  readonly #kept = new Map<number, Node<Owners>>();

  /** The node of a process; one that was not heard of has no ancestors. */
  at(pid: number, startNs: number): Node<Owners> {
    return this.find(pid, startNs) ?? this.#add(pid, startNs, 0, undefined);
  }

  find(pid: number, startNs: number): Node<Owners> | undefined {
    const known = this.#current(pid);
    return known !== undefined && isSame(known, startNs) ? known : undefined;
  }

  fork(pid: number, startNs: number, parentPid: number, bornNs: number): Node<Owners> {
    return this.find(pid, startNs) ?? this.#add(pid, startNs, bornNs, this.#current(parentPid));
  }

  /** It stays, however many others come. */
  keep(node: Node<Owners>): void {
    this.#kept.set(node.pid, node);
  }

  /** Those that descend from a process, as far as they run. */
  below(node: Node<Owners>): Node<Owners>[] {
    const isBelow = (at: Node<Owners> | undefined): boolean =>
      at !== undefined && (at === node || isBelow(at.parent));
    return [...this.#nodes.values()].filter((each) => each !== node && isBelow(each.parent));
  }

  exit(pid: number, startNs: number): void {
    if (this.find(pid, startNs) === undefined) return;
    this.#kept.delete(pid);
    this.#nodes.delete(pid);
  }

  /** In place of the whole chain. */
  #keptAbove(node: Node<Owners>): Node<Owners> | undefined {
    let at: Node<Owners> | undefined = node;
    while (at !== undefined && this.#kept.get(at.pid) !== at) at = at.parent;
    return at;
  }

  #current(pid: number): Node<Owners> | undefined {
    return this.#kept.get(pid) ?? this.#nodes.get(pid);
  }

  #add(
    pid: number,
    startNs: number,
    bornNs: number,
    parent: Node<Owners> | undefined,
  ): Node<Owners> {
    // who had the pid before has ended, though that was not heard
    this.#kept.delete(pid);
    const isLong = parent !== undefined && parent.depth >= MAX_DEPTH;
    const ancestor = isLong ? this.#keptAbove(parent) : parent;
    const node = {
      pid,
      startNs,
      bornNs,
      parent: ancestor,
      depth: ancestor === undefined ? 0 : ancestor.depth + 1,
      hasExeced: false,
      owners: undefined,
    };
    this.#nodes.set(pid, node);
    return node;
  }
}

function isSame(node: { readonly startNs: number }, startNs: number): boolean {
  return Math.abs(node.startNs - startNs) < SAME_START_NS;
}
