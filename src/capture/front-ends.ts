/** Which programs make up each front end, and where they attach. */

export type FrontEnd = "fexit" | "tracepoint";

/**
 * tracepoint: what another object has at the exit of system calls is begun by the program that is there (`after_exit`), not by
 * the kernel. arm64's takes no tail call from a program with functions before 6.0.
 */
export const EXIT_GOES_ON = process.arch === "x64";

export interface ProgramPlan {
  readonly program: string;
  /** Kernel functions to attach to: the first that exists; empty: fixed in the object. */
  readonly targets: readonly string[];
  /** The front end works without it: a miss is listed in the coverage, not an error. */
  readonly optional: boolean;
  /** Only where the kernel has this function, too. */
  readonly requires?: string;
}

// pipe_read and pipe_write are called anon_pipe_read and anon_pipe_write since 6.16
const PIPE_READ = ["anon_pipe_read", "pipe_read"];
const PIPE_WRITE = ["anon_pipe_write", "pipe_write"];

function needed(program: string, ...targets: string[]): ProgramPlan {
  return { program, targets, optional: false };
}

function optional(program: string, ...targets: string[]): ProgramPlan {
  return { program, targets, optional: true };
}

function systemCall(name: string): string {
  return process.arch === "arm64" ? `__arm64_sys_${name}` : `__x64_sys_${name}`;
}

/** Its reads bring bytes, its writers meet them in the same program: where runs are skipped it needs a second copy. */
function vmsplicePrograms(
  name: string,
  preemptible: boolean,
  targets: readonly string[],
): ProgramPlan[] {
  const copies = preemptible ? ["twin", "first"] : ["call"];
  return copies.map((copy) => optional(`${name}_${copy}`, ...targets));
}

/** The same for 32-bit processes, where the kernel runs such; arm64 has one entry for both. */
function compatPrograms(preemptible: boolean): ProgramPlan[] {
  if (process.arch === "arm64") return [];
  const targets = ["__ia32_compat_sys_vmsplice", "__ia32_sys_vmsplice"];
  return [
    { ...optional("tee_compat_call", "__ia32_sys_tee"), requires: "__ia32_sys_tee" },
    ...vmsplicePrograms("vmsplice_compat", preemptible, targets).map((plan) => ({
      ...plan,
      requires: "__ia32_sys_vmsplice",
    })),
  ];
}

function inetPrograms(
  family: "inet" | "inet6",
  plan: (program: string, ...targets: string[]) => ProgramPlan,
): ProgramPlan[] {
  return [
    plan(`${family}_recv_twin`, `${family}_recvmsg`),
    plan(`${family}_recv_first`, `${family}_recvmsg`),
    plan(`${family}_send_twin`, `${family}_sendmsg`),
    plan(`${family}_send_first`, `${family}_sendmsg`),
  ];
}

/** Two copies of what reads and writes pass through. Of fexit programs the one attached last runs first (bpf_trampoline,
 * all kernels). */
export function fexitPrograms(preemptible: boolean): ProgramPlan[] {
  return [
    needed("pipe_read_twin", ...PIPE_READ),
    needed("pipe_read_first", ...PIPE_READ),
    needed("unix_recv_twin", "unix_stream_recvmsg"),
    needed("unix_recv_first", "unix_stream_recvmsg"),
    needed("pipe_write_twin", ...PIPE_WRITE),
    needed("pipe_write_first", ...PIPE_WRITE),
    needed("unix_send_twin", "unix_stream_sendmsg"),
    needed("unix_send_first", "unix_stream_sendmsg"),
    {
      ...optional("unix_sendpage", "unix_stream_sendpage"),
      requires: "unix_stream_sendpage",
    },
    { ...optional("inet_sendpage", "inet_sendpage"), requires: "inet_sendpage" },
    ...inetPrograms("inet", needed),
    // IPv6 may be missing, or a module
    ...inetPrograms("inet6", optional),
    optional("dgram_recv", "unix_dgram_recvmsg"),
    optional("seqpacket_recv", "unix_seqpacket_recvmsg"),
    optional("do_splice", "do_splice"),
    optional("tee_call", systemCall("tee")),
    ...vmsplicePrograms("vmsplice", preemptible, [systemCall("vmsplice")]),
    ...compatPrograms(preemptible),
    optional("map_file", "vm_mmap_pgoff"),
    // before 5.12 sendfile wrote into a pipe by the pipe's own write operation, which is heard already
    { ...optional("do_sendfile", "do_sendfile"), requires: "splice_file_to_pipe" },
  ];
}

/** A second copy comes later, if at all (exit-twin.ts). */
export function tracepointPrograms(): ProgramPlan[] {
  return [needed("exit_first")];
}

/**
 * Those that say whether a front end attaches. Of a function to which one more fexit program is attached the calls under
 * way return past all of them (bpf_tramp_image_put), those of another overhear included: so one that is hardly ever
 * called has to do.
 */
export function plansToProbe(plans: readonly ProgramPlan[]): readonly ProgramPlan[] {
  const rare = plans.filter((plan) => plan.program === "seqpacket_recv");
  return rare.length > 0 ? rare.map((plan) => ({ ...plan, optional: false })) : plans;
}

/** fexit: programs whose skipped runs cost bytes, the copy that runs last of each reading body. */
export const LAST_COPIES: readonly string[] = [
  "pipe_read_twin",
  "unix_recv_twin",
  "vmsplice_twin",
  "inet_recv_twin",
  "inet6_recv_twin",
];

/** First copies: their skipped runs say that this kernel skips at all. */
export const FIRST_COPIES: Readonly<Record<FrontEnd, readonly string[]>> = {
  fexit: ["pipe_read_first", "unix_recv_first", "inet_recv_first", "inet6_recv_first"],
  tracepoint: ["exit_first"],
};

/** Beside fexit, for calls that were under way at the start: whichever copy runs takes the call. */
export function blockedCopies(preemptible: boolean): string[] {
  return preemptible ? ["exit_blocked_first", "exit_blocked_twin"] : ["exit_blocked_first"];
}
