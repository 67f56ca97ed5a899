/** The commands and examples that help, man page, docs and completions show. */

export type CommandName = "listen" | "run" | "replay" | "doctor" | "completions" | "man" | "help";

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
      "Hears every MCP message that crosses a pipe or a Unix socket on this host until it is interrupted. On a terminal it shows a line per message, on a pipe it writes NDJSON.",
  },
  {
    name: "run",
    usage: "run [options] -- COMMAND [ARGUMENT...]",
    summary: "start COMMAND, hear only it and its children",
    details:
      "Attaches first, then starts COMMAND as the user who called sudo, hears its process tree and ends with its exit code (128 + number when a signal ended it). COMMAND gets this terminal's input and output, so use -o to keep messages apart from its output.",
  },
  {
    name: "replay",
    usage: "replay [options] FILE...",
    summary: "show recorded NDJSON again",
    details:
      'Puts recorded NDJSON back through the same stages that live messages take: same message, call and session lines. FILE "-" is standard input. Record with --raw for an exact replay. Needs no privilege.',
  },
  {
    name: "doctor",
    usage: "doctor [--json]",
    summary: "say what works on this machine, and what to do about the rest",
    details:
      "Looks at kernel, BTF, front ends, lockdown, capabilities and limits. Run it with sudo for a full answer; without, it says what it could not test. Ends with 0 when overhear can listen here, else with the code that listening would end with.",
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
  { line: "overhear replay mcp.ndjson", says: "look at a recording again, without privilege" },
  { line: "sudo overhear doctor", says: "what works on this machine" },
];

export function commandSpec(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}
