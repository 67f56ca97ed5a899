import { describe, expect, test } from "bun:test";
import { buildCommand } from "../../../src/cli/build-command.ts";

const terminal = { stdoutIsTerminal: true };

function build(...argv: string[]): unknown {
  return buildCommand(argv, terminal);
}

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

const OUTPUTS = {
  stdout: "console",
  color: "auto",
  files: [],
  quiet: false,
  raw: false,
  redact: false,
  kinds: ["message", "session", "http", "loss", "coverage"],
  filters: { transports: [], methods: [], tools: [], servers: [], hosts: [] },
  verbosity: 0,
};

const LISTEN = {
  attach: "auto",
  filters: { pids: [], comms: [], containers: [], cgroups: [] },
  run: undefined,
  outputs: OUTPUTS,
  allJsonrpc: false,
  durationMs: undefined,
  maxMessages: undefined,
  failOnLoss: false,
  debug: false,
  ringBytes: 16_777_216,
  maxMessageBytes: 33_554_432,
};

describe("buildCommand", () => {
  test("buildCommand listens to the whole host without arguments", () => {
    expect(build()).toEqual({ kind: "listen", options: LISTEN });
  });

  test.each<[string[], object]>([
    [["--pid", "12", "-p13"], { filters: { ...LISTEN.filters, pids: [12, 13] } }],
    [["--comm", "007"], { filters: { ...LISTEN.filters, comms: ["007"] } }],
    [["--comm=1e3", "-c", "true"], { filters: { ...LISTEN.filters, comms: ["1e3", "true"] } }],
    [["--comm=-x"], { filters: { ...LISTEN.filters, comms: ["-x"] } }],
    [["--comm=a=b"], { filters: { ...LISTEN.filters, comms: ["a=b"] } }],
    [["--container", "0x1f"], { filters: { ...LISTEN.filters, containers: ["0x1f"] } }],
    [["--cgroup", "/sys/fs/cgroup/a/b/"], { filters: { ...LISTEN.filters, cgroups: ["/a/b"] } }],
    [["--cgroup", "/"], { filters: { ...LISTEN.filters, cgroups: ["/"] } }],
    [["-d", "1h30m"], { durationMs: 5_400_000 }],
    [["--duration=15m"], { durationMs: 900_000 }],
    [["--duration", "90s"], { durationMs: 90_000 }],
    [["--duration", "1.5h"], { durationMs: 5_400_000 }],
    [["-n", "10"], { maxMessages: 10 }],
    [["--ring", "1G"], { ringBytes: 1_073_741_824 }],
    [["--ring", "65536"], { ringBytes: 65_536 }],
    [["--ring", "64KiB"], { ringBytes: 65_536 }],
    [["--max-message", "3M"], { maxMessageBytes: 3_145_728 }],
    [["--attach=fexit"], { attach: "fexit" }],
    [
      ["--fail-on-loss", "--all-jsonrpc", "--debug"],
      { failOnLoss: true, allJsonrpc: true, debug: true },
    ],
    [["-vv"], { outputs: { ...OUTPUTS, verbosity: 2 } }],
    [["-v", "--verbose", "-v"], { outputs: { ...OUTPUTS, verbosity: 3 } }],
    [["-o", "-"], { outputs: { ...OUTPUTS, stdout: "ndjson" } }],
    [["-o-"], { outputs: { ...OUTPUTS, stdout: "ndjson" } }],
    [["-f", "ndjson", "-o", "-"], { outputs: { ...OUTPUTS, stdout: "ndjson" } }],
    [["--color", "never", "-q"], { outputs: { ...OUTPUTS, color: "never", quiet: true } }],
    [["--raw", "--redact"], { outputs: { ...OUTPUTS, raw: true, redact: true } }],
    [["-k", "call, message"], { outputs: { ...OUTPUTS, kinds: ["message", "call"] } }],
    [
      ["--kinds", "all"],
      {
        outputs: { ...OUTPUTS, kinds: ["message", "call", "session", "http", "loss", "coverage"] },
      },
    ],
    [
      [
        ...["-m", "tools/*", "-m", "ping", "-t", "5", "-s", "git*", "--transport", "stdio"],
        ...["--transport=http", "--host", "localhost:*", "--host=10.0.0.?"],
      ],
      {
        outputs: {
          ...OUTPUTS,
          filters: {
            transports: ["stdio", "http"],
            methods: ["tools/*", "ping"],
            tools: ["5"],
            servers: ["git*"],
            hosts: ["localhost:*", "10.0.0.?"],
          },
        },
      },
    ],
  ])("buildCommand reads %p", (argv, expected) => {
    expect(build(...argv)).toEqual({ kind: "listen", options: { ...LISTEN, ...expected } });
  });

  test("buildCommand joins short options, the last with its value", () => {
    const file = { pattern: "x", rotateBytes: undefined, rotateMs: undefined, keep: undefined };
    expect(build("-qbo", "x")).toEqual({
      kind: "listen",
      options: { ...LISTEN, outputs: { ...OUTPUTS, quiet: true, raw: true, files: [file] } },
    });
  });

  test("buildCommand gives every file its rotation", () => {
    const rotation = { rotateBytes: 104_857_600, rotateMs: 3_600_000, keep: 7 };
    expect(
      build("-o", "a", "-o", "b%Y", "--rotate", "100M", "--rotate", "1h", "--keep", "7"),
    ).toEqual({
      kind: "listen",
      options: {
        ...LISTEN,
        outputs: {
          ...OUTPUTS,
          files: [
            { pattern: "a", ...rotation },
            { pattern: "b%Y", ...rotation },
          ],
        },
      },
    });
  });

  test.each<[string[], string]>([
    [[], "ndjson"],
    [["-o", "x"], "none"],
    [["-o", "x", "-o", "-"], "ndjson"],
    [["-o", "x", "--format", "console"], "console"],
    [["--format", "console"], "console"],
    [["-q"], "ndjson"],
  ])("buildCommand on a pipe with %p shows %p", (argv, stdout) => {
    expect(buildCommand(argv, { stdoutIsTerminal: false })).toMatchObject({
      options: { outputs: { stdout } },
    });
  });

  test.each<[string[], readonly string[]]>([
    [
      ["run", "--", "npx", "-y", "--pid", "x"],
      ["npx", "-y", "--pid", "x"],
    ],
    [
      ["run", "-q", "--", "sh", "-c", "exit 3"],
      ["sh", "-c", "exit 3"],
    ],
    [
      ["run", "--", "run", "--", "x"],
      ["run", "--", "x"],
    ],
    [
      ["run", "--", "cmd", ""],
      ["cmd", ""],
    ],
  ])("buildCommand leaves the command of %p as it is", (argv, expected) => {
    expect(build(...argv)).toMatchObject({ kind: "listen", options: { run: { argv: expected } } });
  });

  test.each<[string[], object]>([
    [["doctor"], { kind: "doctor", json: false, debug: false }],
    [["doctor", "--json"], { kind: "doctor", json: true, debug: false }],
    [["--json", "doctor"], { kind: "doctor", json: true, debug: false }],
    [["completions", "zsh"], { kind: "completions", shell: "zsh" }],
    [["man"], { kind: "man" }],
    [["--version"], { kind: "version" }],
    [["-V"], { kind: "version" }],
    [["-h"], { kind: "help", command: "listen" }],
    [["run", "--help"], { kind: "help", command: "run" }],
    [["help"], { kind: "help", command: "listen" }],
    [["help", "run"], { kind: "help", command: "run" }],
    [["help", "--help"], { kind: "help", command: "help" }],
    [["completions", "--help"], { kind: "help", command: "completions" }],
  ])("buildCommand reads %p", (argv, expected) => {
    expect(build(...argv)).toEqual(expected);
  });

  test.each<[string[], readonly string[]]>([
    [
      ["replay", "a", "-", "007"],
      ["a", "-", "007"],
    ],
    [["replay", "-"], ["-"]],
    [
      ["replay", "true", "-q", "false"],
      ["true", "false"],
    ],
    [
      ["replay", "--", "-b", "--pid"],
      ["-b", "--pid"],
    ],
    [["replay", "doctor"], ["doctor"]],
    [
      ["replay", "1e3", ":x"],
      ["1e3", ":x"],
    ],
  ])("buildCommand reads the files of %p", (argv, files) => {
    expect(build(...argv)).toMatchObject({ kind: "replay", options: { files } });
  });

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
      'Cannot use --kinds "mesage": one of message, call, session, http, loss, coverage, all needed',
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
      'Cannot use --pid with "overhear run": it belongs to "overhear"',
      "overhear run --help lists what can be used",
    ],
    [
      ["doctor", "--raw"],
      'Cannot use --raw with "overhear doctor": it belongs to "overhear", "overhear run", "overhear replay"',
      "overhear doctor --help lists what can be used",
    ],
    [
      ["doctor", "now"],
      'Cannot use "now" with "overhear doctor": no arguments needed',
      "usage: overhear doctor [--json]",
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
