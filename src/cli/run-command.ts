/** argv in, exit code out: parses, does what was asked, turns whatever is thrown into two lines and a code. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { ProgramReport } from "../live/tls/examine.ts";
import { errorCode, errorText, OutputError } from "../sinks/errors.ts";
import { buildCommand } from "./build-command.ts";
import { renderCompletions } from "./completions.ts";
import { examineHost, renderDiagnosis, renderDiagnosisJson } from "./doctor.ts";
import { renderProgram, renderProgramJson } from "./doctor-program.ts";
import { formatError } from "./errors.ts";
import { EXIT_OK } from "./exit-codes.ts";
import { renderHelp } from "./help.ts";
import { renderMan } from "./man.ts";
import { renderQuery } from "./query.ts";
import type {
  Command,
  ExitCode,
  ListenOptions,
  McpOptions,
  Probe,
  Program,
  ReplayOptions,
} from "./types.ts";
import { renderVersion } from "./version.ts";

/** The commands that live outside this folder. */
export interface Actions {
  listen(options: ListenOptions): Promise<ExitCode>;
  replay(options: ReplayOptions): Promise<ExitCode>;
  mcp(options: McpOptions): Promise<ExitCode>;
  readonly probe: Probe;
  /** @throws UsageError */
  examine(program: Program): Promise<ProgramReport>;
}

export async function runCommand(argv: readonly string[], actions: Actions): Promise<ExitCode> {
  try {
    const command = buildCommand(argv, { stdoutIsTerminal: isatty(1) });
    return await dispatch(command, actions);
  } catch (thrown) {
    return reportError(thrown, argv);
  }
}

/** Two lines on stderr; the code to end with. For what escapes every handler as well. */
export function reportError(thrown: unknown, argv: readonly string[]): ExitCode {
  const options = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const { text, exitCode } = formatError(thrown, options.includes("--debug"));
  try {
    writeAll(2, text);
  } catch {
    // Nobody reads our errors; the code still tells.
  }
  return exitCode;
}

async function dispatch(command: Command, actions: Actions): Promise<ExitCode> {
  switch (command.kind) {
    case "listen":
      return actions.listen(command.options);
    case "replay":
      return actions.replay(command.options);
    case "query":
      return print(renderQuery(command.options, Date.now()));
    case "mcp":
      return actions.mcp(command.options);
    case "doctor": {
      if (command.program !== undefined) {
        const report = await actions.examine(command.program);
        return print(command.json ? renderProgramJson(report) : renderProgram(report));
      }
      const diagnosis = await examineHost(actions.probe);
      const text = command.json ? renderDiagnosisJson(diagnosis) : renderDiagnosis(diagnosis);
      print(text);
      return diagnosis.exitCode;
    }
    case "completions":
      return print(renderCompletions(command.shell));
    case "man":
      return print(renderMan());
    case "version":
      return print(renderVersion());
    case "help":
      return print(renderHelp(command.command));
  }
}

/** On standard output; a reader that has gone is an orderly end. Throws OutputError. */
function print(text: string): ExitCode {
  try {
    writeAll(1, text);
  } catch (cause) {
    if (errorCode(cause) !== "EPIPE") {
      throw new OutputError(`Cannot write to standard output: ${errorText(cause)}`, {
        path: "standard output",
        cause,
      });
    }
  }
  return EXIT_OK;
}

function writeAll(fd: 1 | 2, text: string): void {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const code = errorCode(error);
      if (code !== "EAGAIN" && code !== "EINTR") throw error;
      // A pipe that somebody set to non-blocking is full: let its reader run.
      Bun.sleepSync(1);
    }
  }
}
