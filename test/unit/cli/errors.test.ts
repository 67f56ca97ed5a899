import { describe, expect, test } from "bun:test";
import {
  CommandError,
  formatError,
  PrivilegeError,
  UnsupportedKernelError,
  UsageError,
} from "../../../src/cli/errors.ts";
import { OutputError } from "../../../src/sinks/errors.ts";

function named(name: string, message: string, more: object): Error {
  return Object.assign(new Error(message), { name, ...more });
}

describe("formatError", () => {
  test.each<[string, unknown, number, string]>([
    ["a usage error", new UsageError("Bad", "do better"), 2, "overhear: Bad\nhint: do better\n"],
    [
      "a command that is not there",
      new CommandError("Cannot", "x", true),
      127,
      "overhear: Cannot\nhint: x\n",
    ],
    [
      "a command that cannot run",
      new CommandError("Cannot", "x", false),
      126,
      "overhear: Cannot\nhint: x\n",
    ],
    [
      "missing privilege",
      new PrivilegeError("Cannot load"),
      3,
      "overhear: Cannot load\nhint: run it with sudo, or from a systemd unit as root\n",
    ],
    [
      "a kernel that lacks something",
      new UnsupportedKernelError({ feature: "BTF", minKernel: "5.2", found: "4.19.0" }),
      4,
      'overhear: Cannot listen: kernel 4.19.0 has no BTF, 5.2 or newer needed\nhint: "overhear doctor" says what this kernel offers\n',
    ],
    [
      "an output",
      new OutputError('Cannot open "x"', { path: "x", hint: "elsewhere" }),
      6,
      'overhear: Cannot open "x"\nhint: elsewhere\n',
    ],
    [
      "an error of libbpf",
      named("BpfError", "load: EINVAL", { errno: 22 }),
      4,
      'overhear: load: EINVAL\nhint: "overhear doctor" says what this kernel offers\n',
    ],
    [
      "a bug",
      new TypeError("x is undefined"),
      1,
      "overhear: x is undefined\nhint: this looks like a bug in overhear; run it again with --debug and report what that prints\n",
    ],
    [
      "a thrown text",
      "just text\nof two lines \u001b[2J",
      1,
      "overhear: just text\\nof two lines \\x1b[2J\nhint: this looks like a bug in overhear; run it again with --debug and report what that prints\n",
    ],
  ])("formatError prints two lines for %s", (_, thrown, exitCode, text) => {
    expect(formatError(thrown, false)).toEqual({ text, exitCode });
  });

  test("formatError with debug adds stacks, causes and the verifier's log", () => {
    const cause = named("VerifierError", "load", { log: "R1 invalid mem access" });
    const { text } = formatError(new UsageError("Bad", "x", { cause }), true);
    expect(text).toContain("UsageError: Bad\n    at ");
    expect(text).toContain("caused by: ");
    expect(text).toContain("R1 invalid mem access\n");
  });

  test("formatError survives a cause that is its own cause", () => {
    const error = new Error("loop");
    error.cause = error;
    expect(formatError(error, true).exitCode).toBe(1);
  });
});
