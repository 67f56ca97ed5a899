/** Errors in, two lines on stderr (what, hint) and the exit code that belongs to them out. */

import { printable } from "../sinks/printable.ts";
import {
  EXIT_CANNOT_RUN,
  EXIT_INTERNAL,
  EXIT_NO_COMMAND,
  EXIT_OUTPUT,
  EXIT_PRIVILEGE,
  EXIT_UNSUPPORTED,
  EXIT_USAGE,
} from "./exit-codes.ts";

/** The command line, or what it names, is wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly hint: string;
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

/** The command of `overhear run` does not run. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly hint: string;
  /** There is none of this name; else it is there and cannot be started. */
  readonly isMissing: boolean;
  constructor(message: string, hint: string, isMissing: boolean, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
    this.isMissing = isMissing;
  }
}

/** The kernel lacks something that no other front end makes up for. */
export class UnsupportedKernelError extends Error {
  override readonly name = "UnsupportedKernelError";
  readonly feature: string;
  /** First release that has it, e.g. "5.8"; undefined: no release is refused for its age. */
  readonly minKernel: string | undefined;
  readonly hint: string;
  constructor(
    need: { feature: string; found: string; hint?: string } & (
      | { minKernel: string }
      | { why: string }
    ),
    options?: ErrorOptions,
  ) {
    const wanted = "why" in need ? need.why : `${need.minKernel} or newer needed`;
    super(`Cannot listen: kernel ${need.found} has no ${need.feature}, ${wanted}`, options);
    this.feature = need.feature;
    this.minKernel = "minKernel" in need ? need.minKernel : undefined;
    this.hint = need.hint ?? '"overhear doctor" says what this kernel offers';
  }
}

/** The caller may not do this. */
export class PrivilegeError extends Error {
  override readonly name = "PrivilegeError";
  readonly hint: string;
  constructor(
    message: string,
    hint = "run it with sudo, or from a systemd unit as root",
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.hint = hint;
  }
}

export interface Report {
  /** One line each, without a line end and without control characters. */
  readonly message: string;
  readonly hint: string;
  readonly exitCode: number;
}

const FILE_HINT = "check that the path exists and that its owner, mode and free space allow this";
const BUG_HINT =
  "this looks like a bug in overhear; run it again with --debug and report what that prints";

/**
 * What to tell about any thrown value. Classes of other rooms are known by name (`OutputError`, `BpfError`)
 * so that this needs no import from them; their own `hint` wins.
 */
export function describeError(thrown: unknown): Report {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const [exitCode, hint] = classify(error);
  return {
    message: printable(error.message === "" ? error.name : error.message),
    hint: printable(textOf(error, "hint") ?? hint),
    exitCode,
  };
}

function classify(error: Error): readonly [number, string] {
  if (error instanceof CommandError) {
    return [error.isMissing ? EXIT_NO_COMMAND : EXIT_CANNOT_RUN, error.hint];
  }
  const code = textOf(error, "code");
  switch (error.name) {
    case "UsageError":
      return [EXIT_USAGE, "overhear --help lists all options"];
    case "PrivilegeError":
      return [EXIT_PRIVILEGE, "run it with sudo"];
    case "UnsupportedKernelError":
      return [EXIT_UNSUPPORTED, '"overhear doctor" says what this kernel offers'];
    case "OutputError":
      return [EXIT_OUTPUT, FILE_HINT];
    case "BpfError":
    case "VerifierError":
      return [EXIT_UNSUPPORTED, '"overhear doctor" says what this kernel offers'];
    default:
      return code !== undefined && /^E[A-Z0-9]+$/.test(code) && "syscall" in error
        ? [EXIT_INTERNAL, FILE_HINT]
        : [EXIT_INTERNAL, BUG_HINT];
  }
}

function textOf(error: Error, key: string): string | undefined {
  const value: unknown = Reflect.get(error, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Both lines as they go to stderr; with `debug` the stacks, causes and the verifier's log follow. */
export function formatError(thrown: unknown, debug: boolean): { text: string; exitCode: number } {
  const report = describeError(thrown);
  let text = `overhear: ${report.message}\nhint: ${report.hint}\n`;
  if (debug) {
    let at: unknown = thrown;
    for (let depth = 0; at instanceof Error && depth < MAX_CAUSES; depth++) {
      const log = textOf(at, "log");
      text += `${depth === 0 ? "" : "caused by: "}${at.stack ?? at.message}\n`;
      if (log !== undefined) text += `${log}\n`;
      at = at.cause;
    }
  }
  return { text, exitCode: report.exitCode };
}

const MAX_CAUSES = 8;
