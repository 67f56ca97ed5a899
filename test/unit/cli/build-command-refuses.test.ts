import { describe, expect, test } from "bun:test";
import { buildCommand } from "../../../src/cli/build-command.ts";

const terminal = { stdoutIsTerminal: true };

function refusal(...argv: string[]): { name: string; message: string; hint: string } {
  try {
    buildCommand(argv, terminal);
  } catch (error) {
    if (error instanceof Error && "hint" in error && typeof error.hint === "string") {
      return { name: error.name, message: error.message, hint: error.hint };
    }
    throw error;
  }
  throw new Error(`accepted: ${argv.join(" ")}`);
}

describe("buildCommand", () => {
  test.each<[string[], string, string]>([
    [["--pdi", "3"], 'Unknown option "--pdi"', "did you mean --pid?"],
    [["--verbos"], 'Unknown option "--verbos"', "did you mean --verbose?"],
    [["--fail-on-los"], 'Unknown option "--fail-on-los"', "did you mean --fail-on-loss?"],
    [["--no-color"], 'Unknown option "--no-color"', "did you mean --color never?"],
    [["--no-raw"], 'Unknown option "--no-raw"', "did you mean --raw?"],
    [["-x"], 'Unknown option "-x"', "overhear --help lists all options"],
    [["-qx"], 'Unknown option "-x" in "-qx"', "overhear --help lists all options"],
    [["--__proto__", "1"], 'Unknown option "--__proto__"', "overhear --help lists all options"],
    [["--filters.pid", "1"], 'Unknown option "--filters.pid"', "overhear --help lists all options"],
    [["npx", "server"], 'Unknown command "npx"', "did you mean overhear run -- npx server"],
    [["doctr"], 'Unknown command "doctr"', 'did you mean "overhear doctor"?'],
    [["listen"], 'Unknown command "listen"', "overhear listens when no command is given"],
    [
      ["--pid", "0012"],
      'Cannot use --pid "0012": a whole number from 1 to 4194304 needed',
      "for example --pid 1",
    ],
    [
      ["--pid", "0"],
      'Cannot use --pid "0": a whole number from 1 to 4194304 needed',
      "for example --pid 1",
    ],
    [
      ["--pid", "1e3"],
      'Cannot use --pid "1e3": a whole number from 1 to 4194304 needed',
      "for example --pid 1",
    ],
    [["--pid", "5", "-p", "5"], 'Cannot use --pid "5" twice: once is enough', "leave one out"],
    [
      ["--comm", "sixteen-bytes-ab"],
      'Cannot use --comm "sixteen-bytes-ab": the kernel keeps 15 bytes of a name',
      'for example --comm "sixteen-bytes-a"',
    ],
    [
      ["--cgroup", "/a/../b"],
      'Cannot use --cgroup "/a/../b": a path from "/" needed',
      "for example --cgroup /system.slice/agent.service",
    ],
    [
      ["--duration", "15"],
      'Cannot use --duration "15": a time with its unit needed (ms, s, m, h, d), at most 365d',
      "for example --duration 15s",
    ],
    [
      ["--duration", "1h1h"],
      'Cannot use --duration "1h1h": a time with its unit needed (ms, s, m, h, d), at most 365d',
      "for example --duration 1h30m",
    ],
    [
      ["--duration", "0s"],
      'Cannot use --duration "0s": a time with its unit needed (ms, s, m, h, d), at most 365d',
      "for example --duration 1h30m",
    ],
    [
      ["--duration", "1s", "--duration", "2s"],
      "Cannot use --duration 2 times: once is enough",
      'given were "1s" and "2s"',
    ],
    [["-q", "--quiet"], "Cannot use --quiet 2 times: once is enough", "leave one out"],
    [
      ["--quiet=false"],
      'Cannot use "--quiet=false": --quiet takes no value',
      "write --quiet to switch it on; it is off without",
    ],
    [
      ["--ring", "3M"],
      'Cannot use --ring "3M": a power of two from 64K to 1G needed',
      "for example --ring 16M",
    ],
    [
      ["--ring", "2G"],
      'Cannot use --ring "2G": a power of two from 64K to 1G needed',
      "for example --ring 16M",
    ],
    [
      ["--attach", "kprobe"],
      'Cannot use --attach "kprobe": one of auto, fexit, tracepoint needed',
      "overhear --help says what each option takes",
    ],
    [
      ["--kinds", "message,mesage"],
      'Cannot use --kinds "mesage": one of message, call, waiting, effect, session, noise, http, connection, loss, coverage, all needed',
      "overhear --help says what each option takes",
    ],
    [
      ["-o", "x", "--rotate", "100"],
      'Cannot use --rotate "100": a size from 4K or a time from 1s needed, with its unit',
      "for example --rotate 100M or --rotate 1h (m are minutes, M are megabytes)",
    ],
    [["--rotate", "1h"], "Cannot use --rotate: 0 output files given, 1 needed", "add -o FILE"],
    [
      ["-o", "x", "--keep", "3"],
      "Cannot use --keep: nothing rotates",
      "add --rotate 100M or --rotate 1d",
    ],
    [
      ["-o", "-", "-f", "console"],
      'Cannot use --output "-" with --format console: both are standard output',
      "leave one of them out",
    ],
    [
      ["-o", "dir/"],
      'Cannot use --output "dir/": a file, not a directory, needed',
      "for example -o dir/%Y%m%d.ndjson",
    ],
    [
      ["--comm"],
      'Cannot use "--comm": no value given, NAME needed',
      "-c, --comm NAME...: only processes that have or take this name (ps -o comm; often node), and their children",
    ],
    [
      ["--comm="],
      'Cannot use --comm "": empty, NAME needed',
      "-c, --comm NAME...: only processes that have or take this name (ps -o comm; often node), and their children",
    ],
    [
      ["--comm", "--raw"],
      'Cannot use "--comm": no value given, NAME needed',
      'for a value that starts with "-" write --comm=--raw',
    ],
    [
      ["run", "npx", "x"],
      'Cannot run "npx": "--" needed before the command',
      "overhear run -- npx x",
    ],
    [
      ["run", "-o", "x.nd", "sh", "-c", "exit 3"],
      'Cannot run "sh": "--" needed before the command',
      "overhear run -o x.nd -- sh -c exit 3",
    ],
    [["run"], "Cannot run: no command given", "for example overhear run -o mcp.ndjson -- my-agent"],
    [
      ["run", "--"],
      "Cannot run: no command given",
      "for example overhear run -o mcp.ndjson -- my-agent",
    ],
    [
      ["--", "npx"],
      'Cannot use "--" with "overhear": no command to run here',
      "did you mean overhear run -- npx",
    ],
    [
      ["run", "--pid", "1", "--", "x"],
      'Cannot use --pid with "overhear run": it belongs to "overhear", "overhear connections", "overhear mcp", "overhear doctor"',
      "overhear run --help lists what can be used",
    ],
    [
      ["doctor", "--raw"],
      'Cannot use --raw with "overhear doctor": it belongs to "overhear", "overhear run", "overhear replay"',
      "overhear doctor --help lists what can be used",
    ],
    [
      ["completions"],
      "Cannot print completions: 0 shells given, 1 needed",
      "one of bash, zsh, fish",
    ],
    [
      ["completions", "tcsh"],
      'Cannot use completions "tcsh": one of bash, zsh, fish needed',
      "overhear --help says what each option takes",
    ],
    [
      ["replay"],
      "Cannot replay: 0 files given, 1 needed",
      "for example overhear replay mcp.ndjson",
    ],
    [
      ["replay", "-", "-"],
      'Cannot replay "-" twice: standard input can be read once',
      "name it once",
    ],
  ])("buildCommand refuses %p", (argv, message, hint) => {
    expect(refusal(...argv)).toEqual({ name: "UsageError", message, hint });
  });
});
