/** Facts and the capture's probe in, checks with a verdict out; pure. */

import type { ProbeReport, ProbeResult } from "../capture/probe.ts";
import { EXIT_OK, EXIT_PRIVILEGE, EXIT_UNSUPPORTED } from "./exit-codes.ts";
import type { HostFacts } from "./host-facts.ts";

export interface HostCheck {
  readonly check: string;
  /** "unknown": could not be tested by this user. "info": neither good nor bad. */
  readonly status: "ok" | "warning" | "failed" | "unknown" | "info";
  readonly found: string;
  /** What to do about it. */
  readonly hint?: string;
}

export interface Diagnosis {
  readonly checks: readonly HostCheck[];
  readonly verdict: string;
  /** What listening would end with here. */
  readonly exitCode: number;
}

const CAPABILITIES: readonly { name: string; bit: bigint; use: string }[] = [
  { name: "CAP_SYS_ADMIN", bit: 21n, use: "stands in for CAP_BPF and CAP_PERFMON" },
  { name: "CAP_BPF", bit: 39n, use: "loads programs" },
  { name: "CAP_PERFMON", bit: 38n, use: "attaches them" },
  { name: "CAP_SYS_RESOURCE", bit: 24n, use: "raises the memory limit on kernels before 5.11" },
  { name: "CAP_SYS_PTRACE", bit: 19n, use: "reads other users' command lines and cgroups" },
  { name: "CAP_DAC_READ_SEARCH", bit: 2n, use: "reads files of other users" },
];

function holds(facts: HostFacts, name: string): boolean | undefined {
  const capability = CAPABILITIES.find((each) => each.name === name);
  if (facts.capabilities === undefined || capability === undefined) return undefined;
  return ((facts.capabilities >> capability.bit) & 1n) === 1n;
}

/** Whether this process may load and attach; undefined when it cannot be told. Listening asks for root. */
export function mayListen(facts: HostFacts): boolean | undefined {
  if (facts.euid !== 0) return false;
  if (facts.capabilities === undefined) return undefined;
  if (holds(facts, "CAP_SYS_ADMIN") === true) return true;
  return holds(facts, "CAP_BPF") === true && holds(facts, "CAP_PERFMON") === true;
}

/** `probe`: undefined when it was not run, an Error when it failed. */
export function diagnose(facts: HostFacts, probe: ProbeReport | Error | undefined): Diagnosis {
  const checks = [
    checkKernel(facts),
    checkBtf(facts, probe),
    checkPrivilege(facts),
    checkCapability(facts),
    ...checkFrontEnds(probe),
    checkLockdown(facts),
    checkJit(facts),
    checkUnprivileged(facts),
    checkMemlock(facts),
    checkContainer(facts),
  ];
  return { checks, ...verdictOf(facts, probe) };
}

function verdictOf(
  facts: HostFacts,
  probe: ProbeReport | Error | undefined,
): { verdict: string; exitCode: number } {
  if (mayListen(facts) === false) {
    return { verdict: "not as this user: run it with sudo", exitCode: EXIT_PRIVILEGE };
  }
  if (probe === undefined || probe instanceof Error) {
    return { verdict: "not here: the front ends could not be tried", exitCode: EXIT_UNSUPPORTED };
  }
  if (probe.fexit.ok) return { verdict: "yes, by fexit", exitCode: EXIT_OK };
  if (probe.tracepoint.ok)
    return { verdict: "yes, by tracepoint (the exit of system calls)", exitCode: EXIT_OK };
  return { verdict: "not here: no front end attaches", exitCode: EXIT_UNSUPPORTED };
}

function checkKernel(facts: HostFacts): HostCheck {
  const found = `${facts.kernel} on ${facts.arch}`;
  if (!before(facts.kernel, 5, 10)) return { check: "kernel", status: "ok", found };
  return { check: "kernel", status: "failed", found, hint: "5.10 or newer is needed" };
}

function checkBtf(facts: HostFacts, probe: ProbeReport | Error | undefined): HostCheck {
  const known = probe instanceof Error ? undefined : probe?.btf;
  if (facts.btf && known !== false) {
    return { check: "btf", status: "ok", found: "/sys/kernel/btf/vmlinux" };
  }
  return {
    check: "btf",
    status: "failed",
    found: facts.btf ? "there, but libbpf cannot read it" : "no /sys/kernel/btf/vmlinux",
    hint: "use a kernel built with CONFIG_DEBUG_INFO_BTF=y; distribution kernels since 2020 are",
  };
}

function checkPrivilege(facts: HostFacts): HostCheck {
  const check = "privilege";
  const found = facts.euid === 0 ? "root" : `user ${facts.euid}`;
  const may = mayListen(facts);
  if (may === true) return { check, status: "ok", found };
  if (may === undefined) {
    return { check, status: "unknown", found: `${found}, capabilities cannot be read` };
  }
  return facts.euid === 0
    ? {
        check,
        status: "failed",
        found: "root without CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON",
        hint: "in a container start it with --privileged --pid=host",
      }
    : { check, status: "failed", found, hint: "run it with sudo; never make it setuid" };
}

function checkCapability(facts: HostFacts): HostCheck {
  const check = "capabilities";
  if (facts.capabilities === undefined) {
    return { check, status: "unknown", found: "/proc/self/status shows none" };
  }
  const held = CAPABILITIES.filter(({ name }) => holds(facts, name) === true);
  const missing = CAPABILITIES.filter(
    ({ name }) => holds(facts, name) === false && isOfUse(name, facts),
  );
  if (missing.length === 0) {
    return { check, status: "ok", found: held.map(({ name }) => name).join(" ") };
  }
  return {
    check,
    status: mayListen(facts) === true ? "warning" : "failed",
    found: held.length === 0 ? "none of those needed" : held.map(({ name }) => name).join(" "),
    hint: `missing: ${missing.map(({ name, use }) => `${name} (${use})`).join(", ")}`,
  };
}

function isOfUse(capability: string, facts: HostFacts): boolean {
  if (capability === "CAP_SYS_RESOURCE") return before(facts.kernel, 5, 11);
  const stands = capability === "CAP_BPF" || capability === "CAP_PERFMON";
  return !(stands && holds(facts, "CAP_SYS_ADMIN") === true);
}

function checkFrontEnds(probe: ProbeReport | Error | undefined): HostCheck[] {
  const fexit = "front end fexit";
  const tracepoint = "front end tracepoint";
  if (probe === undefined || probe instanceof Error) {
    const found = probe === undefined ? "not tried without privilege" : probe.message;
    const status = probe === undefined ? "unknown" : "failed";
    const hint = probe === undefined ? "run it with sudo" : "overhear doctor --debug says more";
    return [fexit, tracepoint].map((check) => ({ check, status, found, hint }));
  }
  return [
    checkFrontEnd(fexit, probe.fexit, probe.tracepoint.ok, "the other front end is used instead"),
    checkFrontEnd(
      tracepoint,
      probe.tracepoint,
      probe.fexit.ok,
      "fexit is used; this one is not needed",
    ),
    checkUprobeMulti(probe.uprobeMulti),
  ];
}

/** Known by the kernel's types, not by a try: no program of this version needs it. */
function checkUprobeMulti({ ok, why }: ProbeResult): HostCheck {
  const check = "uprobe_multi";
  if (ok) return { check, status: "ok", found: "the kernel has it" };
  const hint = "TLS is heard without it, by a perf event for each place; kernel 6.6 has it";
  return { check, status: "warning", found: why ?? "the kernel does not have it", hint };
}

function checkFrontEnd(
  check: string,
  result: ProbeResult,
  otherWorks: boolean,
  consolation: string,
): HostCheck {
  if (result.ok) return { check, status: "ok", found: "loads and attaches" };
  const found = result.why ?? "does not work, the kernel gave no reason";
  return otherWorks
    ? { check, status: "warning", found, hint: consolation }
    : { check, status: "failed", found, hint: refusalHint(found) };
}

function refusalHint(why: string): string {
  if (why.includes("ENOSYS")) {
    return "the bpf system call is missing: this is an emulator (qemu-user) or a sandbox";
  }
  if (why.includes("EPERM") || why.includes("EACCES")) {
    return "something forbids BPF even to root: lockdown, seccomp, or a container without --privileged";
  }
  return "no other front end works either; overhear --debug prints what the kernel said";
}

function checkLockdown(facts: HostFacts): HostCheck {
  const check = "lockdown";
  if (facts.lockdown === "confidentiality") {
    return {
      check,
      status: "failed",
      found: facts.lockdown,
      hint: "it forbids reading memory by BPF; boot with lockdown=integrity or without",
    };
  }
  return { check, status: "ok", found: facts.lockdown ?? "not in this kernel, or hidden" };
}

function checkJit(facts: HostFacts): HostCheck {
  if (facts.jit !== "0") {
    return { check: "bpf jit", status: "ok", found: facts.jit === undefined ? "built in" : "on" };
  }
  return {
    check: "bpf jit",
    status: "warning",
    found: "off: fexit cannot attach, the rest is slow",
    hint: "sysctl net.core.bpf_jit_enable=1",
  };
}

function checkUnprivileged(facts: HostFacts): HostCheck {
  const meanings: Readonly<Record<string, string>> = {
    "0": "0: users may load some programs",
    "1": "1: only privileged users, until the next boot",
    "2": "2: only privileged users",
  };
  const value = facts.unprivilegedBpf;
  return {
    check: "unprivileged_bpf_disabled",
    status: "info",
    found: value === undefined ? "cannot be read" : (meanings[value] ?? value),
  };
}

/** 32 MiB: the default ring with its maps. */
const MEMLOCK_NEEDED = 32 * 2 ** 20;

function checkMemlock(facts: HostFacts): HostCheck {
  const check = "memlock limit";
  const bytes = facts.memlockBytes;
  const found = bytes === undefined ? "cannot be read" : describeBytes(bytes);
  if (!before(facts.kernel, 5, 11)) {
    return { check, status: "ok", found: `${found}; this kernel counts BPF memory by cgroup` };
  }
  const enough = bytes === undefined || bytes >= MEMLOCK_NEEDED;
  if (enough || holds(facts, "CAP_SYS_RESOURCE") === true) return { check, status: "ok", found };
  return { check, status: "failed", found, hint: "ulimit -l unlimited, or LimitMEMLOCK=infinity" };
}

function describeBytes(bytes: number): string {
  return Number.isFinite(bytes) ? `${Math.round(bytes / 1024)} KiB` : "unlimited";
}

function checkContainer(facts: HostFacts): HostCheck {
  const check = "container";
  if (facts.hostPids === false) {
    return {
      check,
      status: "warning",
      found: `${facts.container ?? "a pid namespace of its own"}: pids are not the host's`,
      hint: "start the container with --pid=host, or run overhear on the host",
    };
  }
  if (facts.container === undefined) return { check, status: "ok", found: "none" };
  return { check, status: "info", found: `${facts.container}, with the host's pids` };
}

function before(kernel: string, major: number, minor: number): boolean {
  const [, first, second] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  if (first === undefined) return false;
  return Number(first) < major || (Number(first) === major && Number(second) < minor);
}
