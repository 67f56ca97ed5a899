import { describe, expect, test } from "bun:test";
import type { ProbeReport } from "../../../src/capture/probe.ts";
import { diagnose } from "../../../src/cli/host-checks.ts";
import { type HostFacts, readHostFacts } from "../../../src/cli/host-facts.ts";

const ROOT: HostFacts = {
  kernel: "6.12.38-amd64",
  arch: "x64",
  euid: 0,
  capabilities: (1n << 41n) - 1n,
  btf: true,
  lockdown: "none",
  jit: "1",
  unprivilegedBpf: "2",
  memlockBytes: 8_388_608,
  container: undefined,
  hostPids: true,
};
const WORKS: ProbeReport = {
  btf: true,
  fexit: { ok: true },
  tracepoint: { ok: true },
  uprobeMulti: { ok: true },
};

function statuses(facts: HostFacts, probe: ProbeReport | Error | undefined) {
  const { checks, exitCode } = diagnose(facts, probe);
  const bad = checks.filter(({ status }) => status !== "ok" && status !== "info");
  return { exitCode, bad: bad.map(({ check, status }) => `${check}: ${status}`) };
}

describe("diagnose", () => {
  test("diagnose finds nothing wrong where all works", () => {
    expect(statuses(ROOT, WORKS)).toEqual({ exitCode: 0, bad: [] });
  });

  test.each<[string, Partial<HostFacts>, ProbeReport | Error | undefined, number, string[]]>([
    [
      "no privilege",
      { euid: 1000, capabilities: 0n },
      undefined,
      3,
      [
        "privilege: failed",
        "capabilities: failed",
        "front end fexit: unknown",
        "front end tracepoint: unknown",
      ],
    ],
    [
      "only CAP_BPF and CAP_PERFMON",
      { capabilities: (1n << 39n) | (1n << 38n) },
      WORKS,
      0,
      ["capabilities: warning"],
    ],
    [
      "fexit refused",
      {},
      { ...WORKS, fexit: { ok: false, why: "Operation not permitted" } },
      0,
      ["front end fexit: warning"],
    ],
    [
      "neither front end",
      {},
      { ...WORKS, fexit: { ok: false }, tracepoint: { ok: false } },
      4,
      ["front end fexit: failed", "front end tracepoint: failed"],
    ],
    [
      "a probe that throws",
      {},
      new Error("bpf: Function not implemented"),
      4,
      ["front end fexit: failed", "front end tracepoint: failed"],
    ],
    ["an old kernel", { kernel: "5.4.0-1" }, WORKS, 0, ["kernel: failed"]],
    ["no BTF", { btf: false }, { ...WORKS, btf: false }, 0, ["btf: failed"]],
    ["lockdown", { lockdown: "confidentiality" }, WORKS, 0, ["lockdown: failed"]],
    ["a container of its own", { hostPids: false }, WORKS, 0, ["container: warning"]],
    [
      "a small memlock limit on 5.10 without CAP_SYS_RESOURCE",
      { kernel: "5.10.0-32-amd64", capabilities: ((1n << 41n) - 1n) ^ (1n << 24n) },
      WORKS,
      0,
      ["capabilities: warning", "memlock limit: failed"],
    ],
  ])("diagnose names %s", (_, facts, probe, exitCode, bad) => {
    expect(statuses({ ...ROOT, ...facts }, probe)).toEqual({ exitCode, bad });
  });

  test("diagnose gives a hint with whatever is not well", () => {
    const { checks } = diagnose(
      {
        ...ROOT,
        euid: 1,
        capabilities: 0n,
        btf: false,
        kernel: "4.19",
        lockdown: "confidentiality",
      },
      undefined,
    );
    const mute = checks.filter(
      ({ status, hint }) => (status === "failed" || status === "warning") && hint === undefined,
    );
    expect(mute).toEqual([]);
  });
});

test.each<[string, string]>([
  ["load: ENOSYS", "the bpf system call is missing: this is an emulator (qemu-user) or a sandbox"],
  [
    "load: EPERM",
    "something forbids BPF even to root: lockdown, seccomp, or a container without --privileged",
  ],
])("diagnose says what %p of both front ends means", (why, hint) => {
  const no = { ok: false, why };
  const { checks } = diagnose(ROOT, { ...WORKS, fexit: no, tracepoint: no });
  expect(checks.filter(({ status }) => status === "failed")).toEqual([
    { check: "front end fexit", status: "failed", found: why, hint },
    { check: "front end tracepoint", status: "failed", found: why, hint },
  ]);
});

describe("readHostFacts", () => {
  test("readHostFacts reads /proc and /sys", () => {
    const files = new Map([
      ["/proc/sys/kernel/osrelease", "6.1.0-1\n"],
      ["/proc/self/status", "Name:\tx\nUid:\t1000\t0\t1000\t1000\nCapEff:\t00000000a80425fb\n"],
      [
        "/proc/self/limits",
        "Limit  Soft Hard\nMax locked memory         unlimited            unlimited            bytes\n",
      ],
      ["/sys/kernel/security/lockdown", "none [integrity] confidentiality\n"],
      ["/proc/1/environ", "PATH=/bin\0container=lxc\0"],
    ]);
    const facts = readHostFacts({
      read: (path) => files.get(path),
      exists: () => false,
      link: () => "pid:[4026532000]",
    });
    expect(facts).toMatchObject({
      kernel: "6.1.0-1",
      euid: 0,
      capabilities: 0xa80425fbn,
      btf: false,
      lockdown: "integrity",
      memlockBytes: Number.POSITIVE_INFINITY,
      container: "lxc",
      hostPids: false,
      jit: undefined,
    });
  });

  test("readHostFacts survives a host that shows nothing", () => {
    const facts = readHostFacts({
      read: () => undefined,
      exists: () => false,
      link: () => undefined,
    });
    expect(facts).toMatchObject({ capabilities: undefined, hostPids: undefined, btf: false });
    expect(diagnose(facts, new Error("no bpf")).exitCode).toBe(4);
  });
});
