/** The commands and examples that help, man page, docs and completions show. */

export type CommandName =
  | "listen"
  | "run"
  | "connections"
  | "replay"
  | "query"
  | "mcp"
  | "doctor"
  | "completions"
  | "man"
  | "help";

export interface CommandSpec {
  readonly name: CommandName;
  /** What stands behind "overhear" on the command line. */
  readonly usage: string;
  readonly summary: string;
  readonly details: string;
}

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "listen",
    usage: "[options]",
    summary: "hear the whole host (the default, has no name)",
    details:
      "Hears every MCP message on this host, over pipes, Unix sockets and HTTP, inside TLS as well, until it is interrupted. On a terminal it shows a line per message, on a pipe it writes NDJSON.",
  },
  {
    name: "run",
    usage: "run [options] -- COMMAND [ARGUMENT...]",
    summary: "start COMMAND, hear only it and its children",
    details:
      "Attaches first, then starts COMMAND as the user who called sudo, hears its process tree and ends with its exit code (128 + number when a signal ended it). COMMAND gets this terminal's input and output, so use -o to keep messages apart from its output.",
  },
  {
    name: "connections",
    usage: "connections [options]",
    summary: "show network and Unix connections instead: who, where to, how it went",
    details:
      "Follows every attempt to connect and every accepted connection on this host, TCP, UDP and Unix: process, ends, outcome, handshake time, bytes, who closed, and the names that DNS, TLS and HTTP gave. A line when one is established and when it ends; at the end a summary by process and destination. docs/connections.md explains it.",
  },
  {
    name: "replay",
    usage: "replay [options] FILE...",
    summary: "show recorded NDJSON, or a history, again",
    details:
      'Puts recorded NDJSON, or what --db stored, back through the same stages that live messages take: same message, call and session lines. FILE "-" is standard input. Record with --raw for an exact replay. Needs no privilege.',
  },
  {
    name: "query",
    usage: "query --db FILE [NAME|SQL] [ABOUT]",
    summary: "ask a history: slowest tools, failing calls, who reached a host",
    details:
      "Without NAME it lists the ready queries. A table on a terminal, NDJSON on a pipe. SQL may read all tables and views of docs/history.md, and change nothing; so may sqlite3. Needs no privilege but to read FILE.",
  },
  {
    name: "mcp",
    usage: "mcp [--db FILE] [--listen ADDRESS:PORT] [options]",
    summary: "be an MCP server: let an agent ask about what is heard",
    details:
      "Serves MCP on standard input and output, or with --listen over HTTP at /mcp, so that an agent can ask which calls, connections and programs there were, what failed, and why. Hears the host itself, which needs root; with --db it reads what another overhear writes, and needs none. Secrets are masked unless --no-redact is given.",
  },
  {
    name: "doctor",
    usage: "doctor [--json] [--pid PID | FILE]",
    summary: "say what works on this machine, or in a program, and what to do about the rest",
    details:
      "Looks at kernel, BTF, front ends, lockdown, capabilities and limits. Run it with sudo for a full answer; without, it says what it could not test. Ends with 0 when overhear can listen here, else with the code that listening would end with. With --pid, or FILE (a program, a library, a script): which TLS stacks it has, and whether and how each of them is heard; that ends with 0.",
  },
  {
    name: "completions",
    usage: "completions bash|zsh|fish",
    summary: "print a completion script for a shell",
    details: "",
  },
  { name: "man", usage: "man", summary: "print the manual page (roff)", details: "" },
  {
    name: "help",
    usage: "help [COMMAND]",
    summary: "print the help of COMMAND, or of all",
    details: "",
  },
];

export const SHELLS = ["bash", "zsh", "fish"] as const;

export const EXAMPLES: readonly { readonly line: string; readonly says: string }[] = [
  { line: "sudo overhear", says: "watch every MCP message on this host" },
  {
    line: "sudo overhear | jq -c 'select(.method == \"tools/call\") | .params'",
    says: "on a pipe it speaks NDJSON",
  },
  {
    line: "sudo overhear run -o mcp.ndjson -- claude",
    says: "start an agent and hear only that and its servers",
  },
  {
    line: "sudo overhear --pid 4711 --method 'tools/*'",
    says: "one process with its children, tools only",
  },
  {
    line: "sudo overhear -o mcp-%Y%m%d.ndjson --rotate 100M --keep 7 --raw",
    says: "watch and record, replayable, with bounded disk",
  },
  {
    line: "sudo overhear --duration 15m --fail-on-loss --redact -o mcp.ndjson",
    says: "a capture window for cron: ends by itself, exit code 5 on loss",
  },
  {
    line: "sudo overhear connections --comm node --outcome failure",
    says: "connections of Node that fail, and why",
  },
  { line: "overhear replay mcp.ndjson", says: "look at a recording again, without privilege" },
  {
    line: "sudo overhear -q --db /var/lib/overhear.db --db-keep 7d --db-keep 1G",
    says: "keep a history of a week, no larger than 1 GiB",
  },
  {
    line: "sudo overhear query --db /var/lib/overhear.db tools",
    says: "ask it: which tools are slow",
  },
  {
    line: "overhear mcp --db /var/log/mcp/history.db",
    says: "let an agent ask about what another overhear records",
  },
  { line: "sudo overhear doctor", says: "what works on this machine" },
  { line: "sudo overhear doctor --pid 4711", says: "whether this process's TLS is heard" },
];

export function commandSpec(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}

/* Commands that have options in common. */

/** Hear messages. */
export const LISTENING: readonly CommandName[] = ["listen", "run", "mcp"];
/** Hear anything. */
export const HEARING: readonly CommandName[] = ["listen", "run", "connections", "mcp"];
/** Of the whole host or a part of it. */
export const FILTERING: readonly CommandName[] = ["listen", "connections", "mcp"];
/** Write lines of messages. */
export const SHOWING: readonly CommandName[] = ["listen", "run", "replay"];
/** Write any lines. */
export const WRITING: readonly CommandName[] = ["listen", "run", "connections", "replay"];
/** Write lines of connections. */
export const CONNECTING: readonly CommandName[] = ["connections", "replay"];
export const QUERYING: readonly CommandName[] = ["query"];
export const ALL: readonly CommandName[] = COMMANDS.map((command) => command.name);
