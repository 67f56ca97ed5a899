/** Files of /proc and /sys in, facts about this host and process out; whatever cannot be read is undefined. */
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { arch, release } from "node:os";

export interface HostFacts {
  /** As uname -r. */
  readonly kernel: string;
  /** "x64" or "arm64" */
  readonly arch: string;
  readonly euid: number;
  /** Effective capabilities as a bit mask. */
  readonly capabilities: bigint | undefined;
  readonly btf: boolean;
  /** "none", "integrity", "confidentiality"; undefined when the kernel has no lockdown or hides it. */
  readonly lockdown: string | undefined;
  /** net.core.bpf_jit_enable; undefined when it cannot be read. */
  readonly jit: string | undefined;
  /** kernel.unprivileged_bpf_disabled */
  readonly unprivilegedBpf: string | undefined;
  /** RLIMIT_MEMLOCK in bytes, soft; Infinity when unlimited. */
  readonly memlockBytes: number | undefined;
  /** What kind of container this runs in, e.g. "docker". */
  readonly container: string | undefined;
  /** False in a pid namespace of its own: pids as seen inside are not the host's. */
  readonly hostPids: boolean | undefined;
}

/** The part of the file system that is looked at; tests give their own. */
export interface HostFiles {
  read(path: string): string | undefined;
  exists(path: string): boolean;
  link(path: string): string | undefined;
}

export const hostFiles: HostFiles = {
  read: (path) => attempt(() => readFileSync(path, "utf8")),
  exists: (path) => existsSync(path),
  link: (path) => attempt(() => readlinkSync(path)),
};

function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    // Hidden, absent or refused: each means that the fact is not known here.
    return undefined;
  }
}

export function readHostFacts(files: HostFiles = hostFiles): HostFacts {
  const status = files.read("/proc/self/status") ?? "";
  const mask = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  const euid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  return {
    kernel: files.read("/proc/sys/kernel/osrelease")?.trim() || release(),
    arch: arch(),
    euid: euid === undefined ? (process.geteuid?.() ?? 0) : Number(euid),
    capabilities: mask === undefined ? undefined : BigInt(`0x${mask}`),
    btf: files.exists("/sys/kernel/btf/vmlinux"),
    lockdown: /\[(\w+)\]/.exec(files.read("/sys/kernel/security/lockdown") ?? "")?.[1],
    jit: files.read("/proc/sys/net/core/bpf_jit_enable")?.trim(),
    unprivilegedBpf: files.read("/proc/sys/kernel/unprivileged_bpf_disabled")?.trim(),
    memlockBytes: memlockOf(files.read("/proc/self/limits") ?? ""),
    container: containerOf(files),
    hostPids: hostPidsOf(files.link("/proc/self/ns/pid")),
  };
}

function memlockOf(limits: string): number | undefined {
  const soft = /^Max locked memory\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

function containerOf(files: HostFiles): string | undefined {
  if (files.exists("/.dockerenv")) return "docker";
  if (files.exists("/run/.containerenv")) return "podman";
  const named = /(?:^|\0)container=([^\0]+)/.exec(files.read("/proc/1/environ") ?? "")?.[1];
  if (named !== undefined) return named;
  const path = files.read("/proc/self/cgroup") ?? "";
  return /(docker|kubepods|libpod|lxc|containerd)/.exec(path)?.[1];
}

/** The first pid namespace has a fixed inode number (PROC_PID_INIT_INO in include/linux/proc_ns.h). */
function hostPidsOf(link: string | undefined): boolean | undefined {
  return link === undefined ? undefined : link === "pid:[4026531836]";
}
