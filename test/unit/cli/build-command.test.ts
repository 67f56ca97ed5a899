import { describe, expect, test } from "bun:test";
import { buildCommand } from "../../../src/cli/build-command.ts";

const terminal = { stdoutIsTerminal: true };

function build(...argv: string[]): unknown {
  return buildCommand(argv, terminal);
}

const OUTPUTS = {
  stdout: "console",
  color: "auto",
  files: [],
  quiet: false,
  raw: false,
  redact: false,
  kinds: ["message", "waiting", "session", "noise", "http", "loss", "coverage"],
  filters: {
    transports: [],
    methods: [],
    tools: [],
    servers: [],
    hosts: [],
    connections: undefined,
  },
  verbosity: 0,
};

const LISTEN = {
  attach: "auto",
  tls: "auto",
  effects: "auto",
  files: false,
  filters: { pids: [], comms: [], containers: [], cgroups: [] },
  run: undefined,
  outputs: OUTPUTS,
  allJsonrpc: false,
  durationMs: undefined,
  maxMessages: undefined,
  failOnLoss: false,
  debug: false,
  ringBytes: undefined,
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
        outputs: {
          ...OUTPUTS,
          kinds: [
            "message",
            "call",
            "waiting",
            "effect",
            "session",
            "noise",
            "http",
            "connection",
            "loss",
            "coverage",
          ],
        },
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
});
