/** What the command line asks for, parsed and validated; commands and `listen` see nothing else of argv. */

import type { ProbeReport } from "../capture/probe.ts";
import type { Transport } from "../exchange/types.ts";

/** Documented in docs/cli.md; `run` may also end with any code of the command it started. */
export type ExitCode = number;

export type AttachChoice = "auto" | "fexit" | "tracepoint";

/** Lines that `--kinds` can choose; the summary is always written. */
export type LineKind = "message" | "call" | "session" | "http" | "loss" | "coverage";

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

export interface OutputOptions {
  readonly stdout: "console" | "ndjson" | "none";
  readonly color: "auto" | "always" | "never";
  /** NDJSON, whatever stdout shows. */
  readonly files: readonly OutputFile[];
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
  readonly filters: CaptureFilters;
  /** `overhear run -- CMD…`: hear only its process tree, end with its code. argv has at least one item. */
  readonly run: { readonly argv: readonly string[] } | undefined;
  readonly outputs: OutputOptions;
  readonly allJsonrpc: boolean;
  readonly durationMs: number | undefined;
  readonly maxMessages: number | undefined;
  readonly failOnLoss: boolean;
  readonly debug: boolean;
  /** Size of the kernel's ring: a power of two, at least one page. */
  readonly ringBytes: number;
  /** A longer message is reported as lost (`line_too_long`). */
  readonly maxMessageBytes: number;
}

export interface ReplayOptions {
  /** Paths; "-" is standard input. At least one. */
  readonly files: readonly string[];
  readonly outputs: OutputOptions;
  readonly allJsonrpc: boolean;
  readonly maxMessages: number | undefined;
  readonly failOnLoss: boolean;
  readonly debug: boolean;
}

export type Probe = () => ProbeReport | Promise<ProbeReport>;

export type Command =
  | { readonly kind: "listen"; readonly options: ListenOptions }
  | { readonly kind: "replay"; readonly options: ReplayOptions }
  | { readonly kind: "doctor"; readonly json: boolean; readonly debug: boolean }
  | { readonly kind: "completions"; readonly shell: "bash" | "zsh" | "fish" }
  | { readonly kind: "man" }
  | { readonly kind: "version" }
  | { readonly kind: "help"; readonly command: string };
