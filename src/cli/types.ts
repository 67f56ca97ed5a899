import type { Endpoint } from "../capture/types.ts";
/** What the command line asks for, parsed and validated; commands and `listen` see nothing else of argv. */

import type { ProbeReport } from "../capture/probe.ts";
import type { Outcome, Protocol } from "../connections/types.ts";
import type { Transport } from "../exchange/types.ts";

/** Documented in docs/cli.md; `run` may also end with any code of the command it started. */
export type ExitCode = number;

export type AttachChoice = "auto" | "fexit" | "tracepoint";

/** Lines that `--kinds` can choose; the summary is always written. */
export type LineKind =
  | "message"
  | "call"
  | "waiting"
  | "effect"
  | "session"
  | "noise"
  | "http"
  | "connection"
  | "loss"
  | "coverage";

/** Whom to hear, applied in the kernel, children included; all empty: everybody. Between them: any match. */
export interface CaptureFilters {
  readonly pids: readonly number[];
  /** As in /proc/PID/comm: 15 bytes at most. */
  readonly comms: readonly string[];
  /** Container ids or beginnings of ids (at least 4 characters), or a pod runtime's name. */
  readonly containers: readonly string[];
  /** Paths below the cgroup2 mount, starting with "/". */
  readonly cgroups: readonly string[];
}

/** What to show of what was heard; each list empty: everything. Globs: `*` any text, `?` one character. */
export interface MessageFilters {
  /** Names, not globs. */
  readonly transports: readonly Transport[];
  readonly methods: readonly string[];
  readonly tools: readonly string[];
  readonly servers: readonly string[];
  readonly hosts: readonly string[];
  /** undefined: all of them. */
  readonly connections?: ConnectionFilters | undefined;
}

/** Which connections to show; each list empty: all. */
export interface ConnectionFilters {
  /** Globs of names, addresses, paths. */
  readonly destinations: readonly string[];
  readonly ports: readonly number[];
  readonly protocols: readonly Protocol[];
  readonly outcomes: readonly (Outcome | "failure")[];
}

export interface OutputFile {
  /** Path with strftime conversions (%Y%m%d …). */
  readonly pattern: string;
  /** A new file when this one has so many bytes … */
  readonly rotateBytes: number | undefined;
  /** … or is so old. */
  readonly rotateMs: number | undefined;
  /** How many finished files of the pattern to keep; undefined: all. */
  readonly keep: number | undefined;
}

/** A history: --db. */
export interface DatabaseOutput {
  readonly path: string;
  /** What is older is removed, … */
  readonly keepMs: number | undefined;
  /** … and the oldest where there is more. */
  readonly keepBytes: number | undefined;
  /** Longer messages are cut, UTF-8. */
  readonly bodyBytes: number;
  /** Where this process serves: what connects to it is not stored. */
  readonly isOwnEnd?: (end: Endpoint) => boolean;
}

export interface OutputOptions {
  readonly stdout: "console" | "ndjson" | "none";
  readonly color: "auto" | "always" | "never";
  /** NDJSON, whatever stdout shows. */
  readonly files: readonly OutputFile[];
  readonly database?: DatabaseOutput | undefined;
  /** Console: only errors and the summary's problems. */
  readonly quiet: boolean;
  /** Message lines carry the exact text. */
  readonly raw: boolean;
  /** Secrets are masked before anything is written. */
  readonly redact: boolean;
  readonly kinds: readonly LineKind[];
  readonly filters: MessageFilters;
  /** -v: 1, -vv: 2. */
  readonly verbosity: number;
}

export interface ListenOptions {
  readonly attach: AttachChoice;
  /** Whether TLS is heard as the libraries' plaintext. */
  readonly tls: "auto" | "off";
  readonly filters: CaptureFilters;
  /** `overhear run -- CMD…`: hear only its process tree, end with its code. argv has at least one item. */
  readonly run: { readonly argv: readonly string[] } | undefined;
  /** Whether calls are told with what they cause, where a line shows it. */
  readonly effects?: "auto" | "all" | "off";
  /** Files that a call's processes change are told, too. */
  readonly files?: boolean;
  /** `overhear connections`: these alone, and nothing of what channels carry. */
  readonly onlyConnections?: boolean;
  readonly outputs: OutputOptions;
  readonly allJsonrpc: boolean;
  readonly durationMs: number | undefined;
  readonly maxMessages: number | undefined;
  readonly failOnLoss: boolean;
  readonly debug: boolean;
  /** Size of the kernel's ring: a power of two, at least 64 KiB; undefined: what suits this machine. */
  readonly ringBytes: number | undefined;
  /** A longer message is reported as lost (`line_too_long`). */
  readonly maxMessageBytes: number;
}

export interface ReplayOptions {
  /** Paths of NDJSON or of a database; "-" is standard input. At least one. */
  readonly files: readonly string[];
  readonly outputs: OutputOptions;
  readonly allJsonrpc: boolean;
  readonly maxMessages: number | undefined;
  readonly failOnLoss: boolean;
  readonly debug: boolean;
}

export interface QueryOptions {
  readonly path: string;
  /** A ready query's name, or SQL; undefined: the ready ones are listed. */
  readonly query: string | undefined;
  /** What a ready query is about, e.g. a host. */
  readonly about: string | undefined;
  /** Of the last so many ms; undefined: of all that is stored. */
  readonly sinceMs: number | undefined;
  readonly limit: number;
  readonly format: "table" | "ndjson" | "json";
  readonly debug: boolean;
}

export interface McpOptions {
  /** Another overhear writes it; undefined: hear the host. */
  readonly db: string | undefined;
  /** undefined: standard input and output. */
  readonly http: { readonly hostname: string; readonly port: number } | undefined;
  /** Holds what requests over HTTP must bear. */
  readonly tokenFile: string | undefined;
  /** Secrets are masked in answers. */
  readonly redact: boolean;
  /** How the host is heard, without `db`. */
  readonly capture: ListenOptions;
  readonly debug: boolean;
}

/** What `doctor` is asked about. */
export type Program = { readonly pid: number } | { readonly file: string };

export type Probe = () => ProbeReport | Promise<ProbeReport>;

export type Command =
  | { readonly kind: "listen"; readonly options: ListenOptions }
  | { readonly kind: "replay"; readonly options: ReplayOptions }
  | { readonly kind: "query"; readonly options: QueryOptions }
  | { readonly kind: "mcp"; readonly options: McpOptions }
  | {
      readonly kind: "doctor";
      /** undefined: this host. */
      readonly program: Program | undefined;
      readonly json: boolean;
      readonly debug: boolean;
    }
  | { readonly kind: "completions"; readonly shell: "bash" | "zsh" | "fish" }
  | { readonly kind: "man" }
  | { readonly kind: "version" }
  | { readonly kind: "help"; readonly command: string };
