/** Option texts that choose and shape outputs in, OutputOptions out. */
import type { Transport } from "../exchange/types.ts";
import { UsageError } from "./errors.ts";
import type {
  ConnectionFilters,
  DatabaseOutput,
  LineKind,
  OutputFile,
  OutputOptions,
} from "./types.ts";
import {
  parseChoice,
  parseInteger,
  parseKeep,
  parseRotation,
  parseSize,
  wrongValue,
} from "./values.ts";

type Texts = ReadonlyMap<string, readonly string[]>;

const DEFAULT_KINDS: readonly LineKind[] = [
  "message",
  "waiting",
  "session",
  "noise",
  "http",
  "loss",
  "coverage",
];
export const ALL_KINDS: readonly LineKind[] = [
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
];
export const CONNECTION_KINDS: readonly LineKind[] = ["connection", "coverage"];

/** `runs`: standard output is a command's as well. Throws UsageError. */
export function buildOutputs(
  options: Texts,
  stdoutIsTerminal: boolean,
  runs = false,
): OutputOptions {
  const names = distinctTexts(options, "output");
  const format = options.get("format")?.[0];
  const database = databaseOf(options);
  const isSilent = names.length === 0 && database === undefined;
  if (runs && !stdoutIsTerminal && format === undefined && isSilent) {
    throw new UsageError(
      "Cannot run: standard output is the command's, 1 output of its own needed",
      "add -o FILE; --format ndjson writes between what the command writes",
    );
  }
  return {
    stdout: stdoutOf(names, format, stdoutIsTerminal, !isSilent),
    color: parseChoice("--color", options.get("color")?.[0] ?? "auto", ["auto", "always", "never"]),
    files: filesOf(
      names.filter((name) => name !== "-"),
      options,
    ),
    database,
    quiet: options.has("quiet"),
    raw: options.has("raw"),
    redact: options.has("redact"),
    kinds: kindsOf(options),
    filters: {
      transports: distinctTexts(options, "transport").map((text) => parseTransport(text)),
      methods: distinctTexts(options, "method"),
      tools: distinctTexts(options, "tool"),
      servers: distinctTexts(options, "server"),
      hosts: distinctTexts(options, "host").map((text) => parseHost(text)),
      connections: connectionFilters(options),
    },
    verbosity: options.get("verbose")?.length ?? 0,
  };
}

function choosesConnections(options: Texts): boolean {
  return CONNECTION_OPTIONS.some((name) => options.has(name));
}

/** undefined: all connections. */
function connectionFilters(options: Texts): ConnectionFilters | undefined {
  if (!choosesConnections(options)) return undefined;
  return {
    destinations: distinctTexts(options, "destination"),
    ports: distinctTexts(options, "port").map((text) => parseInteger("--port", text, 1, 65_535)),
    protocols: distinctTexts(options, "protocol").map((text) =>
      parseChoice("--protocol", text, ["tcp", "udp", "unix"]),
    ),
    outcomes: distinctTexts(options, "outcome").map((text) =>
      parseChoice("--outcome", text, OUTCOMES),
    ),
  };
}

const CONNECTION_OPTIONS = ["destination", "port", "protocol", "outcome"];

const OUTCOMES = [
  "failure",
  "in_progress",
  "established",
  "closed",
  "reset",
  "refused",
  "timed_out",
  "unreachable",
  "abandoned",
  "failed",
] as const;

function stdoutOf(
  names: readonly string[],
  format: string | undefined,
  stdoutIsTerminal: boolean,
  hasOthers: boolean,
): OutputOptions["stdout"] {
  const asked =
    format === undefined ? undefined : parseChoice("--format", format, ["console", "ndjson"]);
  if (names.includes("-")) {
    if (asked === "console") {
      throw new UsageError(
        'Cannot use --output "-" with --format console: both are standard output',
        "leave one of them out",
      );
    }
    return "ndjson";
  }
  if (asked !== undefined) return asked;
  if (stdoutIsTerminal) return "console";
  return hasOthers ? "none" : "ndjson";
}

const DEFAULT_BODY_BYTES = 65_536;

function databaseOf(options: Texts): DatabaseOutput | undefined {
  const path = options.get("db")?.[0];
  const keep = options.get("db-keep") ?? [];
  const body = options.get("db-body")?.[0];
  if (path === undefined) {
    if (keep.length === 0 && body === undefined) return undefined;
    const name = keep.length === 0 ? "--db-body" : "--db-keep";
    throw new UsageError(`Cannot use ${name}: 0 databases given, 1 needed`, "add --db FILE");
  }
  const bodyBytes =
    body === undefined
      ? DEFAULT_BODY_BYTES
      : parseSize("--db-body", body, { min: 2 ** 10, max: 2 ** 28, range: "1K to 256M" });
  return { path, ...keepOf(keep), bodyBytes };
}

function keepOf(texts: readonly string[]): Pick<DatabaseOutput, "keepMs" | "keepBytes"> {
  let keepMs: number | undefined;
  let keepBytes: number | undefined;
  for (const text of texts) {
    const limit = parseKeep(text);
    if (("bytes" in limit ? keepBytes : keepMs) !== undefined) {
      throw wrongValue(
        "--db-keep",
        text,
        "one size and one time at most",
        "--db-keep 7d --db-keep 1G",
      );
    }
    if ("bytes" in limit) keepBytes = limit.bytes;
    else keepMs = limit.timeMs;
  }
  return { keepMs, keepBytes };
}

function filesOf(patterns: readonly string[], options: Texts): readonly OutputFile[] {
  const rotation = rotationOf(options);
  if (patterns.length === 0 && options.has("rotate")) {
    throw new UsageError("Cannot use --rotate: 0 output files given, 1 needed", "add -o FILE");
  }
  for (const pattern of patterns) checkPattern(pattern);
  return patterns.map((pattern) => ({ pattern, ...rotation }));
}

function rotationOf(options: Texts): Omit<OutputFile, "pattern"> {
  let rotateBytes: number | undefined;
  let rotateMs: number | undefined;
  for (const text of options.get("rotate") ?? []) {
    const limit = parseRotation(text);
    if (("bytes" in limit ? rotateBytes : rotateMs) !== undefined) {
      throw wrongValue(
        "--rotate",
        text,
        "one size and one time at most",
        "--rotate 100M --rotate 1d",
      );
    }
    if ("bytes" in limit) rotateBytes = limit.bytes;
    else rotateMs = limit.timeMs;
  }
  const keep = options.get("keep")?.[0];
  if (keep !== undefined && rotateBytes === undefined && rotateMs === undefined) {
    throw new UsageError("Cannot use --keep: nothing rotates", "add --rotate 100M or --rotate 1d");
  }
  return {
    rotateBytes,
    rotateMs,
    keep: keep === undefined ? undefined : parseInteger("--keep", keep, 1, 100_000),
  };
}

function checkPattern(pattern: string): void {
  if (pattern.includes("\0"))
    throw wrongValue("--output", pattern, "no NUL allowed", "-o mcp.ndjson");
  if (pattern.endsWith("/")) {
    throw wrongValue(
      "--output",
      pattern,
      "a file, not a directory, needed",
      `-o ${pattern}%Y%m%d.ndjson`,
    );
  }
}

/** Whoever chooses connections wants to see them. */
function kindsOf(options: Texts): readonly LineKind[] {
  const text = options.get("kinds")?.[0];
  if (text === undefined) {
    return choosesConnections(options) ? [...DEFAULT_KINDS, "connection"] : DEFAULT_KINDS;
  }
  const kinds = new Set<LineKind>();
  for (const word of text.split(",").map((part) => part.trim())) {
    const kind = parseChoice("--kinds", word, [...ALL_KINDS, "all"]);
    if (kind === "all") for (const each of ALL_KINDS) kinds.add(each);
    else kinds.add(kind);
  }
  return ALL_KINDS.filter((kind) => kinds.has(kind));
}

/** The texts of a repeatable option; the same one twice is a slip. */
export function distinctTexts(options: Texts, name: string): readonly string[] {
  const texts = options.get(name) ?? [];
  const twice = texts.find((text, index) => texts.indexOf(text) !== index);
  if (twice === undefined) return texts;
  throw new UsageError(
    `Cannot use --${name} ${JSON.stringify(twice)} twice: once is enough`,
    "leave one out",
  );
}

function parseTransport(text: string): Transport {
  if (!/^(?:https|sse|streamable)/i.test(text)) {
    return parseChoice("--transport", text, ["stdio", "http"]);
  }
  throw new UsageError(
    `Cannot use --transport "${text}": one of stdio, http needed`,
    "http is both Streamable HTTP and the old HTTP+SSE, inside TLS as well",
  );
}

function parseHost(text: string): string {
  if (text !== "" && !text.includes("/")) return text;
  throw wrongValue(
    "--host",
    text,
    "a host, with or without a port, needed",
    "--host 'localhost:*'",
  );
}
