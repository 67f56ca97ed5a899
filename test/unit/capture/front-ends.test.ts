import { expect, test } from "bun:test";
import { join } from "node:path";
import {
  blockedCopies,
  FIRST_COPIES,
  fexitPrograms,
  LAST_COPIES,
  type ProgramPlan,
  plansToProbe,
  tracepointPrograms,
} from "../../../src/capture/front-ends.ts";

const ROOT = join(import.meta.dir, "../../..");

/** The names of all functions of the object, as readelf lists them. */
function programsOf(machine: string): ReadonlySet<string> {
  const object = join(ROOT, `build/${machine}/overhear.bpf.o`);
  const { stdout } = Bun.spawnSync(["readelf", "-sW", object]);
  const rows = stdout.toString().split("\n");
  const fields = rows.map((row) => row.trim().split(/\s+/)).filter((row) => row[3] === "FUNC");
  return new Set(fields.map((row) => row[7] ?? ""));
}

function names(plans: readonly ProgramPlan[]): string[] {
  return plans.map((plan) => plan.program);
}

test("fexitPrograms and tracepointPrograms name programs that the object has", () => {
  const programs = programsOf("x64");
  const planned = [
    ...names(fexitPrograms(true)),
    ...names(fexitPrograms(false)),
    ...names(tracepointPrograms()),
    ...blockedCopies(true),
    "exit_twin",
  ];
  expect(planned.filter((name) => !programs.has(name))).toEqual([]);
});

test("tracepointPrograms leaves the twin for later", () => {
  expect(names(tracepointPrograms())).toEqual(["exit_first"]);
});

test("fexitPrograms attaches each twin before its first copy, which then runs first", () => {
  const order = names(fexitPrograms(true));
  const stdio = ["pipe_read", "pipe_write", "unix_recv", "unix_send", "vmsplice"];
  const bodies = [...stdio, "inet_recv", "inet_send", "inet6_recv", "inet6_send"];
  for (const body of bodies) {
    expect(order).toContain(`${body}_twin`);
    expect(order.indexOf(`${body}_first`)).toBeGreaterThan(order.indexOf(`${body}_twin`));
  }
});

test("fexitPrograms hooks pipes by the name that the kernel has, the newer one first", () => {
  const targets = fexitPrograms(true).find((plan) => plan.program === "pipe_read_first")?.targets;
  expect(targets).toEqual(["anon_pipe_read", "pipe_read"]);
});

test("fexitPrograms cannot do without what reads and writes pipes, stream sockets and IPv4", () => {
  const needed = fexitPrograms(true).filter((plan) => !plan.optional);
  expect(names(needed).toSorted()).toEqual([
    "inet_recv_first",
    "inet_recv_twin",
    "inet_send_first",
    "inet_send_twin",
    "pipe_read_first",
    "pipe_read_twin",
    "pipe_write_first",
    "pipe_write_twin",
    "unix_recv_first",
    "unix_recv_twin",
    "unix_send_first",
    "unix_send_twin",
  ]);
});

test("fexitPrograms hooks TCP at the calls whose arguments no kernel changed, IPv6 where there is any", () => {
  const plans = fexitPrograms(true).filter(({ program }) => program.startsWith("inet"));
  const targets = plans.map(({ program, targets, optional }) => [program, ...targets, optional]);
  expect(targets).toEqual([
    // before 6.5
    ["inet_sendpage", "inet_sendpage", true],
    ["inet_recv_twin", "inet_recvmsg", false],
    ["inet_recv_first", "inet_recvmsg", false],
    ["inet_send_twin", "inet_sendmsg", false],
    ["inet_send_first", "inet_sendmsg", false],
    ["inet6_recv_twin", "inet6_recvmsg", true],
    ["inet6_recv_first", "inet6_recvmsg", true],
    ["inet6_send_twin", "inet6_sendmsg", true],
    ["inet6_send_first", "inet6_sendmsg", true],
  ]);
});

test("plansToProbe takes what is hardly ever called, and all of a front end without such", () => {
  expect(plansToProbe(fexitPrograms(true))).toEqual([
    expect.objectContaining({ program: "seqpacket_recv", optional: false }),
  ]);
  expect(names(plansToProbe(tracepointPrograms()))).toEqual(["exit_first"]);
});

test("FIRST_COPIES and LAST_COPIES are among the programs of their front end", () => {
  const copies = [...FIRST_COPIES.fexit, ...LAST_COPIES];
  expect(names(fexitPrograms(true))).toEqual(expect.arrayContaining(copies));
  expect(names(tracepointPrograms())).toEqual([...FIRST_COPIES.tracepoint]);
});
