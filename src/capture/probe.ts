/** What this kernel takes of what overhear needs, found by loading and attaching, not by version. */
import { existsSync } from "node:fs";
import { readObject } from "../../ffi/assets.ts";
import { BpfError } from "../../ffi/errors.ts";
import { type BpfLink, BpfObject } from "../../ffi/object.ts";
import { FrontEndPrograms } from "./front-end-programs.ts";
import { type FrontEnd, fexitPrograms, plansToProbe } from "./front-ends.ts";
import { Kernel } from "./kernel.ts";
import { hasUprobeMulti } from "./kernel-types.ts";

/** One feature of the kernel. */
export interface ProbeResult {
  readonly ok: boolean;
  /** Why not, in one line. */
  readonly why?: string | undefined;
}

/** Needs root for an answer. */
export interface ProbeReport {
  readonly btf: boolean;
  readonly fexit: ProbeResult;
  readonly tracepoint: ProbeResult;
  readonly uprobeMulti: ProbeResult;
}

const BTF = "/sys/kernel/btf/vmlinux";
const PROBE_RING_BYTES = 1 << 16;
const EPERM = 1;
const EACCES = 13;

export function probe(): ProbeReport {
  const btf = existsSync(BTF);
  if (!btf) {
    const why = `"${BTF}" does not exist`;
    const no = { ok: false, why };
    return { btf, fexit: no, tracepoint: no, uprobeMulti: no };
  }
  const fexit = probeFrontEnd("fexit");
  const tracepoint = probeFrontEnd("tracepoint");
  const isLoading = fexit.ok || tracepoint.ok;
  const uprobeMulti = isLoading
    ? probeUprobeMulti()
    : { ok: false, why: "not looked for: no program loads" };
  return { btf, fexit, tracepoint, uprobeMulti };
}

function probeFrontEnd(frontEnd: FrontEnd): ProbeResult {
  try {
    using _ = new Kernel({
      frontEnd,
      ringBytes: PROBE_RING_BYTES,
      ownPid: process.pid,
      preemptible: true,
      probing: true,
      filtering: true,
      followNames: [],
      followCgroups: [],
    });
    return { ok: true };
  } catch (error) {
    const why = error instanceof BpfError ? `${error.op}: ${error.reason}` : String(error);
    return { ok: false, why };
  }
}

/**
 * Why this kernel takes no fexit program at all; undefined: it may. Asked before a front end of them is loaded, since the
 * verifier has passed its larger programs, for some 0.3 s, when the first of these is refused.
 */
export function fexitRefusal(): BpfError | undefined {
  try {
    using object = new BpfObject(readObject(), "overhear");
    object.resizeMap("ring", PROBE_RING_BYTES);
    const links: BpfLink[] = [];
    const programs = new FrontEndPrograms(object, links, []);
    const plans = programs.enableOnly(plansToProbe(fexitPrograms(false)));
    object.load();
    for (const plan of plans) programs.attach(plan);
    for (const link of links) link[Symbol.dispose]();
    return undefined;
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
    // whatever else is wrong may be so of this program only
    return error.errno === EPERM || error.errno === EACCES ? error : undefined;
  }
}

function probeUprobeMulti(): ProbeResult {
  return hasUprobeMulti() ? { ok: true } : { ok: false, why: "kernel 6.6 or newer needed" };
}
