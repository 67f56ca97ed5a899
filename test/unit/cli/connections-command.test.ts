import { expect, test } from "bun:test";
import { buildCommand } from "../../../src/cli/build-command.ts";

function build(...argv: string[]) {
  return buildCommand(argv, { stdoutIsTerminal: true });
}

function refusal(...argv: string[]): { name: string; message: string } {
  try {
    build(...argv);
  } catch (error) {
    if (error instanceof Error) return { name: error.name, message: error.message };
  }
  throw new Error(`accepted: ${argv.join(" ")}`);
}

test("overhear connections follows connections, and nothing that channels carry", () => {
  expect(build("connections", "-c", "node", "-q")).toMatchObject({
    kind: "listen",
    options: {
      onlyConnections: true,
      tls: "off",
      effects: "off",
      filters: { comms: ["node"] },
      outputs: {
        quiet: true,
        kinds: ["connection", "coverage"],
        filters: { connections: undefined },
      },
    },
  });
});

test("overhear connections takes each of its options several times", () => {
  const destinations = ["--destination", "*.github.com", "--destination", "/run/*"];
  const ports = ["--port", "443", "--port", "65535"];
  const protocols = ["--protocol", "tcp", "--protocol", "unix"];
  const outcomes = ["--outcome", "refused", "--outcome", "timed_out"];
  expect(build("connections", ...destinations, ...ports, ...protocols, ...outcomes)).toMatchObject({
    options: {
      outputs: {
        filters: {
          connections: {
            destinations: ["*.github.com", "/run/*"],
            ports: [443, 65_535],
            protocols: ["tcp", "unix"],
            outcomes: ["refused", "timed_out"],
          },
        },
      },
    },
  });
});

test.each<[string[], string]>([
  [["--port", "0"], 'Cannot use --port "0": a whole number from 1 to 65535 needed'],
  [["--port", "65536"], 'Cannot use --port "65536": a whole number from 1 to 65535 needed'],
  [["--port", "443", "--port", "443"], 'Cannot use --port "443" twice: once is enough'],
  [["--protocol", "sctp"], 'Cannot use --protocol "sctp": one of tcp, udp, unix needed'],
  [["--destination", ""], 'Cannot use --destination "": empty, GLOB needed'],
  [["x"], 'Cannot use "x" with "overhear connections": no arguments needed'],
])("overhear connections refuses %j", (argv, message) => {
  expect(refusal("connections", ...argv)).toEqual({ name: "UsageError", message });
});

test.each<string[][]>([
  [["--tool", "x"]],
  [["--kinds", "message"]],
  [["--files"]],
  [["--effects", "all"]],
  [["--raw"]],
])("overhear connections has no %j", (argv) => {
  expect(refusal("connections", ...argv).message).toStartWith(
    `Cannot use ${argv[0]} with "overhear connections"`,
  );
});

test("options of connections belong to connections and replay alone", () => {
  expect(refusal("--port", "443").message).toStartWith('Cannot use --port with "overhear"');
});

test.each<[string[], boolean]>([
  [[], false],
  [["--outcome", "failure"], true],
  [["--outcome", "failure", "--kinds", "message"], false],
  [["--kinds", "connection"], true],
])("overhear replay %j shows connections: %p", (argv, expected) => {
  const command = build("replay", "f", ...argv);
  expect(command.kind === "replay" && command.options.outputs.kinds.includes("connection")).toBe(
    expected,
  );
});

test("files are told as effects", () => {
  expect(build("--files")).toMatchObject({ options: { files: true, effects: "auto" } });
  expect(build("--effects", "all")).toMatchObject({ options: { files: false, effects: "all" } });
  expect(refusal("--files", "--effects", "off").message).toBe(
    "Cannot use --files with --effects off: files are told as effects",
  );
});
