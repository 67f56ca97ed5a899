import { afterEach, expect, spyOn, test } from "bun:test";
import { existsSync } from "node:fs";
import { BpfError, VerifierError } from "../../../ffi/errors.ts";
import { BpfObject } from "../../../ffi/object.ts";
import { describeError } from "../../../src/cli/errors.ts";
import type { AttachChoice } from "../../../src/cli/types.ts";
import { attachKernel } from "../../../src/live/attach.ts";

const EPERM = 1;
const EINVAL = 22;

const restores: (() => void)[] = [];
afterEach(() => {
  for (const restore of restores.splice(0)) restore();
});

function actAs(uid: number): void {
  const spy = spyOn(process, "geteuid").mockReturnValue(uid);
  restores.push(() => spy.mockRestore());
}

/** The kernel refuses every object, by turns with these errors. */
function refuse(...errors: readonly Error[]): void {
  let turn = 0;
  const spy = spyOn(BpfObject.prototype, "resizeMap").mockImplementation(() => {
    const error = errors[Math.min(turn, errors.length - 1)];
    turn += 1;
    throw error;
  });
  restores.push(() => spy.mockRestore());
}

/** How overhear would end: what it says, and its exit code. */
function attach(choice: AttachChoice) {
  const options = {
    ringBytes: 65_536,
    ownPid: process.pid,
    filtering: false,
    followNames: [],
    followCgroups: [],
  };
  try {
    attachKernel(choice, options);
  } catch (error) {
    return describeError(error);
  }
  throw new Error("the kernel took what it was to refuse");
}

test("attachKernel tells a user who is not root to use sudo", () => {
  actAs(1000);
  expect(attach("auto")).toEqual({
    message: "Cannot load eBPF programs: this user is not root",
    hint: "run it with sudo, or from a systemd unit as root",
    exitCode: 3,
  });
});

const hasBtf = existsSync("/sys/kernel/btf/vmlinux");

test.skipIf(!hasBtf)("BTF: attachKernel names missing privileges when both are denied", () => {
  actAs(0);
  refuse(new BpfError("Cannot load", EPERM));
  const report = attach("auto");
  expect(report.message).toBe("Cannot load eBPF programs: EPERM");
  expect(report.hint).toContain("CAP_BPF and CAP_PERFMON");
  expect(report.exitCode).toBe(3);
});

test.skipIf(!hasBtf)(
  "BTF: attachKernel says what the kernel lacks for a front end by tracepoints",
  () => {
    actAs(0);
    refuse(new BpfError("Cannot load", EINVAL));
    const report = attach("tracepoint");
    expect(report.message).toMatch(
      /^Cannot listen: kernel \S+ has no tp_btf programs that attach: EINVAL, 5\.10 or newer needed$/,
    );
    expect(report.hint).toBe('"overhear doctor" says what this kernel offers');
    expect(report.exitCode).toBe(4);
  },
);

test.skipIf(!hasBtf)(
  "BTF: attachKernel advises against --attach fexit where that is refused",
  () => {
    actAs(0);
    refuse(new BpfError("Cannot attach", EPERM));
    const report = attach("fexit");
    expect(report.message).toContain(
      "has no fexit programs that may be loaded, it refuses them (EPERM)",
    );
    expect(report.hint).toBe("leave --attach away: overhear then takes what this kernel offers");
    expect(report.exitCode).toBe(4);
  },
);

test.skipIf(!hasBtf)("BTF: attachKernel tells of the last refusal when both differ", () => {
  actAs(0);
  refuse(new BpfError("Cannot attach", EPERM), new BpfError("Cannot load", EINVAL));
  expect(attach("auto").message).toContain("has no tp_btf programs that attach: EINVAL");
});

test.skipIf(!hasBtf)("BTF: attachKernel quotes what the verifier ends with", () => {
  actAs(0);
  const log = "0: R1=ctx()\nR2 invalid mem access 'scalar'\nprocessed 17 insns (limit 1000000)\n";
  refuse(new VerifierError("Cannot load the BPF programs", EINVAL, log));
  const report = attach("tracepoint");
  expect(report.message).toContain(`EINVAL, "R2 invalid mem access 'scalar'"`);
  expect(report.message).not.toContain("\n");
});

test.skipIf(!hasBtf)("BTF: attachKernel does not take a bug of its own for a refusal", () => {
  actAs(0);
  refuse(new TypeError("undefined is not a function"));
  expect(attach("auto").exitCode).toBe(1);
});
