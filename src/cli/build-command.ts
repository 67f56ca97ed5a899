/** Option texts in, one validated command out. */

import { buildMcp } from "./build-mcp.ts";
import { buildOutputs, CONNECTION_KINDS, distinctTexts } from "./build-outputs.ts";
import { COMMANDS, type CommandName, commandSpec, SHELLS } from "./commands.ts";
import { UsageError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { type ParsedArgv, parseArgv } from "./parse-argv.ts";
import type {
  CaptureFilters,
  Command,
  ListenOptions,
  Program,
  QueryOptions,
  ReplayOptions,
} from "./types.ts";
import { parseChoice, parseInteger, parseSize, parseTime, wrongValue } from "./values.ts";

/** What is not on the command line and decides defaults. */
export interface Surroundings {
  readonly stdoutIsTerminal: boolean;
}

const MAX_PID = 4_194_304;
const RING_LIMITS = { min: 2 ** 16, max: 2 ** 30, range: "64K to 1G", powerOfTwo: true } as const;
const MAX_COUNT = Number.MAX_SAFE_INTEGER;

/** Throws UsageError. */
export function buildCommand(argv: readonly string[], surroundings: Surroundings): Command {
  const parsed = parseArgv(argv);
  if (parsed.options.has("help")) return { kind: "help", command: parsed.command };
  if (parsed.options.has("version")) return { kind: "version" };
  if (parsed.rest !== undefined && parsed.command !== "run") {
    if (parsed.command !== "replay") throw strayDashes(parsed);
  }
  switch (parsed.command) {
    case "listen":
    case "run":
      return { kind: "listen", options: buildListen(parsed, surroundings) };
    case "connections":
      return { kind: "listen", options: buildConnections(parsed, surroundings) };
    case "replay":
      return { kind: "replay", options: buildReplay(parsed, surroundings) };
    case "query":
      return { kind: "query", options: buildQuery(parsed, surroundings) };
    case "mcp":
      rejectArguments(parsed);
      return { kind: "mcp", options: buildMcp(parsed, buildListen(parsed, surroundings)) };
    case "doctor":
      return {
        kind: "doctor",
        program: programOf(parsed),
        json: parsed.options.has("json"),
        debug: parsed.options.has("debug"),
      };
    case "completions":
      return { kind: "completions", shell: shellOf(parsed) };
    case "man":
      rejectArguments(parsed);
      return { kind: "man" };
    case "help":
      return { kind: "help", command: topicOf(parsed) };
  }
}

function buildListen(parsed: ParsedArgv, surroundings: Surroundings): ListenOptions {
  const run = parsed.command === "run" ? { argv: commandToRun(parsed) } : undefined;
  if (run === undefined) rejectArguments(parsed);
  const { options } = parsed;
  const duration = one(options, "duration");
  const ring = one(options, "ring");
  const effects = parseChoice("--effects", one(options, "effects") ?? "auto", [
    "auto",
    "all",
    "off",
  ]);
  if (effects === "off" && options.has("files")) {
    throw new UsageError(
      "Cannot use --files with --effects off: files are told as effects",
      "leave one of them out",
    );
  }
  return {
    attach: parseChoice("--attach", one(options, "attach") ?? "auto", [
      "auto",
      "fexit",
      "tracepoint",
    ]),
    tls: parseChoice("--tls", one(options, "tls") ?? "auto", ["auto", "off"]),
    effects,
    files: options.has("files"),
    filters: buildFilters(options),
    run,
    outputs: buildOutputs(options, surroundings.stdoutIsTerminal, run !== undefined),
    allJsonrpc: options.has("all-jsonrpc"),
    durationMs: duration === undefined ? undefined : parseTime("--duration", duration),
    maxMessages: maxMessages(options),
    failOnLoss: options.has("fail-on-loss"),
    debug: options.has("debug"),
    ringBytes: ring === undefined ? undefined : parseSize("--ring", ring, RING_LIMITS),
    maxMessageBytes: parseSize("--max-message", one(options, "max-message") ?? "32M", {
      min: 2 ** 10,
      max: 2 ** 28,
      range: "1K to 256M",
    }),
  };
}

/** A listening run that hears no channel. */
function buildConnections(parsed: ParsedArgv, surroundings: Surroundings): ListenOptions {
  rejectArguments(parsed);
  const options = buildListen(parsed, surroundings);
  const outputs = { ...options.outputs, kinds: CONNECTION_KINDS };
  return { ...options, outputs, tls: "off", effects: "off", onlyConnections: true };
}

function buildReplay(parsed: ParsedArgv, surroundings: Surroundings): ReplayOptions {
  const files = [...parsed.args, ...(parsed.rest ?? [])];
  if (files.length === 0) {
    throw new UsageError(
      "Cannot replay: 0 files given, 1 needed",
      "for example overhear replay mcp.ndjson",
    );
  }
  if (files.filter((file) => file === "-").length > 1) {
    throw new UsageError(
      'Cannot replay "-" twice: standard input can be read once',
      "name it once",
    );
  }
  return {
    files,
    outputs: buildOutputs(parsed.options, surroundings.stdoutIsTerminal),
    allJsonrpc: parsed.options.has("all-jsonrpc"),
    maxMessages: maxMessages(parsed.options),
    failOnLoss: parsed.options.has("fail-on-loss"),
    debug: parsed.options.has("debug"),
  };
}

/** Rows that a table can hold and a person may want. */
const MAX_ROWS = 1_000_000;

function buildQuery(parsed: ParsedArgv, surroundings: Surroundings): QueryOptions {
  const { options, args } = parsed;
  const path = one(options, "db");
  if (path === undefined) {
    throw new UsageError(
      "Cannot query: 0 databases given, 1 needed",
      "for example overhear query --db mcp.db tools",
    );
  }
  const [query, about, ...more] = args;
  if (more.length > 0) {
    throw new UsageError(
      `Cannot query: ${args.length} words given, 2 needed at most`,
      "put SQL and names with spaces in quotes",
    );
  }
  const since = one(options, "since") ?? "24h";
  return {
    path,
    query,
    about,
    sinceMs: since === "all" ? undefined : parseTime("--since", since),
    limit: parseInteger("--limit", one(options, "limit") ?? "20", 1, MAX_ROWS),
    format: queryFormat(options, surroundings.stdoutIsTerminal),
    debug: options.has("debug"),
  };
}

function queryFormat(
  options: ParsedArgv["options"],
  stdoutIsTerminal: boolean,
): QueryOptions["format"] {
  const asked = one(options, "format");
  if (options.has("json")) {
    if (asked === undefined) return "json";
    throw new UsageError("Cannot use --json with --format: 1 format needed", "leave one out");
  }
  if (asked === undefined) return stdoutIsTerminal ? "table" : "ndjson";
  return parseChoice("--format", asked, ["console", "ndjson"]) === "console" ? "table" : "ndjson";
}

function buildFilters(options: ParsedArgv["options"]): CaptureFilters {
  return {
    pids: distinctTexts(options, "pid").map((text) => parseInteger("--pid", text, 1, MAX_PID)),
    comms: distinctTexts(options, "comm").map(parseComm),
    containers: distinctTexts(options, "container").map(parseContainer),
    cgroups: distinctTexts(options, "cgroup").map(parseCgroup),
  };
}

function parseComm(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= 15) return text;
  const cut = new TextDecoder().decode(bytes.subarray(0, 15));
  throw wrongValue(
    "--comm",
    text,
    "the kernel keeps 15 bytes of a name",
    `--comm ${JSON.stringify(cut)}`,
  );
}

function parseContainer(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{3,127}$/.test(text)) return text;
  throw wrongValue(
    "--container",
    text,
    "at least 4 characters of an id needed",
    "--container 3f2a9c1b",
  );
}

/** "/sys/fs/cgroup/a/b" and "/a/b" are the same. */
function parseCgroup(text: string): string {
  const path = text.replace(/^\/sys\/fs\/cgroup(?=\/|$)/, "").replace(/\/+$/, "") || "/";
  const clean = path.startsWith("/") && !path.split("/").includes("..") && !path.includes("\0");
  if (clean) return path;
  throw wrongValue(
    "--cgroup",
    text,
    'a path from "/" needed',
    "--cgroup /system.slice/agent.service",
  );
}

function maxMessages(options: ParsedArgv["options"]): number | undefined {
  const text = one(options, "max-messages");
  return text === undefined ? undefined : parseInteger("--max-messages", text, 1, MAX_COUNT);
}

function commandToRun(parsed: ParsedArgv): readonly string[] {
  const argv = parsed.rest ?? [];
  if (argv.length === 0 || argv[0] === "") {
    throw new UsageError(
      "Cannot run: no command given",
      "for example overhear run -o mcp.ndjson -- my-agent",
    );
  }
  return argv;
}

/** What `doctor` is to look at; undefined: the host. */
function programOf({ args, options }: ParsedArgv): Program | undefined {
  const [file, ...more] = args;
  const [pid, ...pids] = options.get("pid") ?? [];
  if (more.length + pids.length > 0 || (file !== undefined && pid !== undefined)) {
    const count = args.length + (options.get("pid")?.length ?? 0);
    throw new UsageError(
      `Cannot look at ${count} programs: 1 at a time`,
      `usage: overhear ${commandSpec("doctor")?.usage}`,
    );
  }
  if (file !== undefined) return { file };
  return pid === undefined ? undefined : { pid: parseInteger("--pid", pid, 1, MAX_PID) };
}

function shellOf(parsed: ParsedArgv): (typeof SHELLS)[number] {
  const [shell, ...more] = parsed.args;
  if (shell === undefined || more.length > 0) {
    throw new UsageError(
      `Cannot print completions: ${parsed.args.length} shells given, 1 needed`,
      `one of ${SHELLS.join(", ")}`,
    );
  }
  return parseChoice("completions", shell, SHELLS);
}

function rejectArguments(parsed: ParsedArgv): void {
  const [word] = parsed.args;
  if (word === undefined) return;
  if (parsed.command !== "listen") {
    throw new UsageError(
      `Cannot use "${word}" with "overhear ${parsed.command}": no arguments needed`,
      `usage: overhear ${commandSpec(parsed.command)?.usage}`,
    );
  }
  throw unknownCommand(word, parsed.args);
}

function unknownCommand(word: string, args: readonly string[]): UsageError {
  const commands = COMMANDS.map(({ name }) => name).filter((name) => name !== "listen");
  const near = nearest(word, commands);
  let hint = `commands are ${commands.join(", ")}; without one it listens`;
  if (args.length > 1) hint = `did you mean overhear run -- ${args.join(" ")}`;
  if (word === "listen") hint = "overhear listens when no command is given";
  else if (near !== undefined) hint = `did you mean "overhear ${near}"?`;
  return new UsageError(`Unknown command "${word}"`, hint);
}

/** Which command help is asked for: the one that listens stands for all. */
function topicOf({ args }: ParsedArgv): CommandName {
  const [word = "listen"] = args;
  if (args.length > 1) {
    throw new UsageError(
      `Cannot print help: ${args.length} commands given, 1 needed at most`,
      "overhear help shows all of them",
    );
  }
  const spec = commandSpec(word);
  if (spec === undefined) throw unknownCommand(word, [word]);
  return spec.name;
}

function strayDashes(parsed: ParsedArgv): UsageError {
  return new UsageError(
    `Cannot use "--" with "overhear${parsed.command === "listen" ? "" : ` ${parsed.command}`}": no command to run here`,
    parsed.rest?.length
      ? `did you mean overhear run -- ${parsed.rest.join(" ")}`
      : 'leave "--" out',
  );
}

/** The text of an option that is given once at most. */
function one(options: ParsedArgv["options"], name: string): string | undefined {
  return options.get(name)?.[0];
}
