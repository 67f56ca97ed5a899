/** Chooses a front end by trying, not by version, and says why when there is none. */
import { existsSync, readFileSync } from "node:fs";
import { release, version } from "node:os";
import { BpfError } from "../../ffi/errors.ts";
import type { FrontEnd } from "../capture/front-ends.ts";
import { Kernel, type KernelOptions } from "../capture/kernel.ts";
import { fexitRefusal } from "../capture/probe.ts";
import { PrivilegeError, UnsupportedKernelError } from "../cli/errors.ts";
import type { AttachChoice } from "../cli/types.ts";

export interface Attached {
  readonly kernel: Kernel;
  /** Why fexit was passed over, when it was tried. */
  readonly fexitRefused: string | undefined;
}

/** What is not found out here. */
type Wanted = Omit<KernelOptions, "frontEnd" | "preemptible">;

const BTF = "/sys/kernel/btf/vmlinux";
const EPERM = 1;
const EACCES = 13;

/** @throws PrivilegeError, UnsupportedKernelError */
export function attachKernel(choice: AttachChoice, options: Wanted): Attached {
  if (process.geteuid?.() !== 0) {
    throw new PrivilegeError("Cannot load eBPF programs: this user is not root");
  }
  if (!existsSync(BTF)) {
    throw new UnsupportedKernelError({
      feature: `type information in "${BTF}" (CONFIG_DEBUG_INFO_BTF)`,
      minKernel: "5.10",
      found: release(),
    });
  }
  if (choice === "tracepoint") return { kernel: orThrow(options), fexitRefused: undefined };
  const tried = (choice === "auto" ? fexitRefusal() : undefined) ?? attempt("fexit", options);
  if (tried instanceof Kernel) return { kernel: tried, fexitRefused: undefined };
  if (choice === "fexit") throw refusal("fexit", tried);
  return { kernel: orThrow(options), fexitRefused: tried.reason };
}

function orThrow(options: Wanted): Kernel {
  const tried = attempt("tracepoint", options);
  if (tried instanceof Kernel) return tried;
  throw refusal("tracepoint", tried);
}

function attempt(frontEnd: FrontEnd, options: Wanted): Kernel | BpfError {
  try {
    // a second copy at the exit of system calls costs them all: there it comes when a run was skipped (twin.ts)
    const preemptible = frontEnd === "fexit" ? preempts() !== false : preempts() === true;
    return new Kernel({ ...options, frontEnd, preemptible });
  } catch (error) {
    if (error instanceof BpfError) return error;
    throw error;
  }
}

function refusal(frontEnd: FrontEnd, error: BpfError): Error {
  const isDenied = error.errno === EPERM || error.errno === EACCES;
  if (isDenied && frontEnd === "tracepoint") {
    return new PrivilegeError(
      `Cannot load eBPF programs: ${error.reason}`,
      'CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN) are needed, and no lockdown; "overhear doctor" tells which is missing',
      { cause: error },
    );
  }
  if (frontEnd === "tracepoint") {
    const feature = `tp_btf programs that attach: ${error.reason}`;
    return new UnsupportedKernelError(
      { feature, minKernel: "5.10", found: release() },
      { cause: error },
    );
  }
  const hint = "leave --attach away: overhear then takes what this kernel offers";
  const need = isDenied
    ? { feature: "fexit programs that may be loaded", why: `it refuses them (${error.reason})` }
    : { feature: `fexit programs that attach: ${error.reason}`, minKernel: "5.10" };
  return new UnsupportedKernelError({ ...need, found: release(), hint }, { cause: error });
}

/** Whether the kernel preempts programs, and skips runs of them then (docs/capture.md); undefined: it may, and does not say. */
function preempts(): boolean | undefined {
  try {
    return /\((full|lazy)\)/.test(readFileSync("/sys/kernel/debug/sched/preempt", "utf8"));
  } catch {
    if (/ PREEMPT(_RT)? /.test(version())) return true;
    return version().includes("PREEMPT_DYNAMIC") ? undefined : false;
  }
}
