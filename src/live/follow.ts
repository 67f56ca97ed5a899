/** The user's filters → processes that the kernel follows; it adds their children by itself. */
import { join } from "node:path";
import { readCgroupId, walkCgroups } from "../capture/cgroups.ts";
import { containerIdOf } from "../capture/container.ts";
import type { Kernel } from "../capture/kernel.ts";
import { listProcesses, readCgroup, readComm, readParent } from "../capture/proc.ts";
import type { KernelEvent } from "../capture/types.ts";
import { UsageError } from "../cli/errors.ts";
import type { CaptureFilters } from "../cli/types.ts";
import type { Subject } from "./subject.ts";

export interface FollowPlan {
  readonly filtering: boolean;
  readonly names: readonly string[];
  readonly cgroups: readonly bigint[];
  /** Processes that match now, with their descendants. */
  readonly pids: readonly number[];
}

export function hasFilters(filters: CaptureFilters): boolean {
  const { pids, comms, containers, cgroups } = filters;
  return pids.length + comms.length + containers.length + cgroups.length > 0;
}

/** @throws UsageError when a --pid or --cgroup does not exist. */
export function planFollow(filters: CaptureFilters): FollowPlan {
  const processes = listProcesses();
  for (const pid of filters.pids) {
    if (!processes.includes(pid)) {
      throw new UsageError(
        `Cannot follow process ${pid}: there is none with this pid`,
        "pids are those of the host, as ps -e shows them",
      );
    }
  }
  const cgroups = filters.cgroups.map(cgroupId);
  const matching = processes.filter((pid) => matches(pid, filters));
  return {
    filtering: hasFilters(filters),
    names: filters.comms,
    cgroups: [...cgroups, ...containerCgroups(filters.containers)],
    pids: withDescendants(processes, matching),
  };
}

/** True when a process in this cgroup is one of the wanted containers'. */
export function isWantedContainer(
  cgroupPath: string | undefined,
  wanted: readonly string[],
): boolean {
  const id = containerIdOf(cgroupPath);
  return id !== undefined && wanted.some((each) => id.startsWith(each));
}

/** Containers that start later are known by their first exec. */
export class ContainerFollow implements Subject {
  readonly #kernel: Pick<Kernel, "follow">;
  readonly #wanted: readonly string[];

  constructor(kernel: Pick<Kernel, "follow">, wanted: readonly string[]) {
    this.#kernel = kernel;
    this.#wanted = wanted;
  }

  observe(event: KernelEvent): void {
    if (event.kind !== "exec" || this.#wanted.length === 0) return;
    if (isWantedContainer(readCgroup(event.pid), this.#wanted)) this.#kernel.follow(event.pid);
  }
}

function matches(pid: number, filters: CaptureFilters): boolean {
  if (filters.pids.includes(pid)) return true;
  if (filters.comms.length > 0 && filters.comms.includes(readComm(pid) ?? "")) return true;
  if (filters.cgroups.length + filters.containers.length === 0) return false;
  const path = readCgroup(pid);
  if (path === undefined) return false;
  return (
    filters.cgroups.some((each) => path === each || path.startsWith(join(each, "/"))) ||
    isWantedContainer(path, filters.containers)
  );
}

function withDescendants(processes: readonly number[], roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const pid of processes) {
    const parent = readParent(pid) ?? 0;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = new Set<number>();
  const waiting = [...roots];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    if (found.has(pid)) continue;
    found.add(pid);
    waiting.push(...(children.get(pid) ?? []));
  }
  return [...found];
}

function containerCgroups(containers: readonly string[]): bigint[] {
  if (containers.length === 0) return [];
  return [...walkCgroups()]
    .filter((each) => isWantedContainer(each.path, containers))
    .map((each) => each.id);
}

/** @throws UsageError when there is none. */
function cgroupId(path: string): bigint {
  const id = readCgroupId(path);
  if (id !== undefined) return id;
  throw new UsageError(
    `Cannot follow cgroup "${path}": there is none`,
    'paths are those below the cgroup2 mount, e.g. "/system.slice/docker.service"',
  );
}
