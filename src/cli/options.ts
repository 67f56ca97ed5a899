/** The one table of options: parser, --help, man page, docs and completions are made from it. */
import { COMMANDS, type CommandName } from "./commands.ts";

export const GROUPS = [
  "Whom to hear",
  "What to show",
  "Where to write",
  "When to stop",
  "Capture",
  "General",
] as const;

export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  readonly short?: string;
  /** Name of its value in the help; an option without takes none. */
  readonly value?: string;
  /** May be given more than once. */
  readonly repeat?: true;
  /** The only values, or, with `list`, what a comma-separated list may hold. */
  readonly choices?: readonly string[];
  readonly list?: true;
  readonly completeFiles?: true;
  /** The default as help shows it. */
  readonly fallback?: string;
  readonly group: (typeof GROUPS)[number];
  readonly commands: readonly CommandName[];
  /** One sentence without a full stop. */
  readonly help: string;
  /** More for man page and docs. */
  readonly details?: string;
}

const HEARING: readonly CommandName[] = ["listen", "run"];
const SHOWING: readonly CommandName[] = ["listen", "run", "replay"];
const ALL: readonly CommandName[] = COMMANDS.map((command) => command.name);

export const OPTIONS: readonly OptionSpec[] = [
  {
    name: "pid",
    short: "p",
    value: "PID",
    repeat: true,
    group: "Whom to hear",
    commands: ["listen"],
    help: "only channels with this process, or a child of it, at one end",
    details:
      "With several of --pid, --comm, --container and --cgroup a channel is heard when one of them matches either end; then both directions are heard.",
  },
  {
    name: "comm",
    short: "c",
    value: "NAME",
    repeat: true,
    group: "Whom to hear",
    commands: ["listen"],
    help: "only processes that have or take this name (ps -o comm; often node), and their children",
  },
  {
    name: "container",
    value: "ID",
    repeat: true,
    group: "Whom to hear",
    commands: ["listen"],
    help: "only this container, also when it starts later: the first 4 characters of its id at least",
  },
  {
    name: "cgroup",
    value: "PATH",
    repeat: true,
    completeFiles: true,
    group: "Whom to hear",
    commands: ["listen"],
    help: "only this cgroup and those below it, e.g. /system.slice/agent.service",
  },
  {
    name: "transport",
    value: "NAME",
    repeat: true,
    choices: ["stdio", "http"],
    group: "What to show",
    commands: SHOWING,
    help: "only what went over this transport",
    details:
      "http is both Streamable HTTP and the old HTTP+SSE, in plain text. Losses and what cannot be heard are shown all the same where no channel is known.",
  },
  {
    name: "method",
    short: "m",
    value: "GLOB",
    repeat: true,
    group: "What to show",
    commands: SHOWING,
    help: "only this method, and the answers to it, e.g. tools/call or 'notifications/*'",
    details:
      "In globs * stands for any text and ? for one character; everything else stands for itself, upper and lower case differ. Several of one option: any may match. Several different options: all must match. What is filtered here is heard and counted, but not shown.",
  },
  {
    name: "tool",
    short: "t",
    value: "GLOB",
    repeat: true,
    group: "What to show",
    commands: SHOWING,
    help: "only calls of this tool, with their answers, progress and logs; other kinds of lines stay",
  },
  {
    name: "server",
    short: "s",
    value: "GLOB",
    repeat: true,
    group: "What to show",
    commands: SHOWING,
    help: "only sessions with this server: its own name, or what the console shows for it",
  },
  {
    name: "host",
    value: "GLOB",
    repeat: true,
    group: "What to show",
    commands: SHOWING,
    help: "only HTTP to this host, with or without its port, e.g. 'localhost:*'",
    details:
      "It is matched against what the request is addressed to (Host) and against the address of a server elsewhere; upper and lower case are the same here. Messages over stdio have no host and do not match.",
  },
  {
    name: "kinds",
    short: "k",
    value: "LIST",
    list: true,
    choices: ["message", "call", "session", "http", "loss", "coverage", "all"],
    fallback: "message,session,http,loss,coverage",
    group: "What to show",
    commands: SHOWING,
    help: "kinds of lines, separated by commas",
    details:
      "A call line joins a request and its answer, so that nothing need be paired again; it is not among the default ones because it repeats both. An http line tells of an exchange with an MCP server that carried no message: refused, cut, or of another content type. The summary is always the last line.",
  },
  {
    name: "all-jsonrpc",
    group: "What to show",
    commands: SHOWING,
    help: "also JSON-RPC that is not MCP, such as language servers",
  },
  {
    name: "redact",
    group: "What to show",
    commands: SHOWING,
    help: "mask secrets before anything is shown or written",
  },
  {
    name: "raw",
    short: "b",
    group: "What to show",
    commands: SHOWING,
    help: "put the exact text of each message into NDJSON as raw",
  },
  {
    name: "format",
    short: "f",
    value: "FORMAT",
    choices: ["console", "ndjson"],
    fallback: "console on a terminal, ndjson otherwise",
    group: "Where to write",
    commands: SHOWING,
    help: "what standard output gets",
  },
  {
    name: "output",
    short: "o",
    value: "FILE",
    repeat: true,
    completeFiles: true,
    group: "Where to write",
    commands: SHOWING,
    help: 'append NDJSON to FILE; "-" is standard output',
    details:
      "FILE may hold strftime conversions, e.g. /var/log/mcp/%Y%m%d-%H%M.ndjson. It is created with mode 0600 and never through a symbolic link. A terminal shows the console view as well; when standard output is no terminal it then gets nothing, unless --format says so. SIGHUP opens the file anew.",
  },
  {
    name: "rotate",
    value: "SIZE|TIME",
    repeat: true,
    group: "Where to write",
    commands: SHOWING,
    help: "begin a new file after so much or so long, e.g. 100M or 1h; or one of each",
  },
  {
    name: "keep",
    value: "N",
    group: "Where to write",
    commands: SHOWING,
    fallback: "all",
    help: "keep only the N newest finished files of a rotation",
  },
  {
    name: "color",
    value: "WHEN",
    choices: ["auto", "always", "never"],
    fallback: "auto: on a terminal without NO_COLOR",
    group: "Where to write",
    commands: SHOWING,
    help: "colours in the console view",
  },
  {
    name: "quiet",
    short: "q",
    group: "Where to write",
    commands: SHOWING,
    help: "console view shows errors only",
  },
  {
    name: "duration",
    short: "d",
    value: "TIME",
    group: "When to stop",
    commands: HEARING,
    help: "stop after TIME, e.g. 90s, 15m or 1h30m; run waits for its command all the same",
  },
  {
    name: "max-messages",
    short: "n",
    value: "N",
    group: "When to stop",
    commands: SHOWING,
    help: "stop after N messages were shown",
  },
  {
    name: "fail-on-loss",
    group: "When to stop",
    commands: SHOWING,
    help: "end with code 5 when any byte was lost",
  },
  {
    name: "attach",
    value: "HOW",
    choices: ["auto", "fexit", "tracepoint"],
    fallback: "auto: fexit where the kernel permits",
    group: "Capture",
    commands: HEARING,
    help: "front end in the kernel",
  },
  {
    name: "ring",
    value: "SIZE",
    fallback: "16M",
    group: "Capture",
    commands: HEARING,
    help: "buffer between kernel and overhear: a power of two, 64K to 1G",
    details: "It counts twice in the resident memory because it is mapped twice.",
  },
  {
    name: "max-message",
    value: "SIZE",
    fallback: "32M",
    group: "Capture",
    commands: HEARING,
    help: "longest message; a longer one is reported as lost (1K to 256M)",
  },
  {
    name: "json",
    group: "General",
    commands: ["doctor"],
    help: "doctor: print all checks as one JSON object",
  },
  {
    name: "verbose",
    short: "v",
    repeat: true,
    group: "General",
    commands: SHOWING,
    help: "say more on standard error: why fexit was passed over",
  },
  {
    name: "debug",
    group: "General",
    commands: ALL,
    help: "print stack traces with errors and what the kernel said",
  },
  { name: "help", short: "h", group: "General", commands: ALL, help: "print this help" },
  {
    name: "version",
    short: "V",
    group: "General",
    commands: ALL,
    help: "print the versions of overhear, its commit, Bun and libbpf",
  },
];

/** As help shows it: "-p, --pid PID...". */
export function optionLabel(option: OptionSpec): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `${short}--${option.name}${valueLabel(option)}`;
}

/** " FILE...", or nothing; the dots say that it may be repeated. */
export function valueLabel(option: OptionSpec): string {
  if (option.value === undefined) return "";
  return ` ${option.value}${option.repeat === true ? "..." : ""}`;
}

export function optionsOf(command: CommandName): readonly OptionSpec[] {
  return OPTIONS.filter((option) => option.commands.includes(command));
}
