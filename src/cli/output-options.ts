/** The options that say where lines go and how they look there. */
import { QUERYING, WRITING } from "./commands.ts";
import type { OptionSpec } from "./option-spec.ts";

export const OUTPUT_OPTIONS: readonly OptionSpec[] = [
  {
    name: "format",
    short: "f",
    value: "FORMAT",
    choices: ["console", "ndjson"],
    fallback: "console on a terminal, ndjson otherwise",
    group: "Where to write",
    commands: [...WRITING, ...QUERYING],
    help: "what standard output gets",
  },
  {
    name: "output",
    short: "o",
    value: "FILE",
    repeat: true,
    completeFiles: true,
    group: "Where to write",
    commands: WRITING,
    help: 'append NDJSON to FILE; "-" is standard output',
    details:
      "FILE may hold strftime conversions, e.g. /var/log/mcp/%Y%m%d-%H%M.ndjson. It is created with mode 0600 and never through a symbolic link. A terminal shows the console view as well; when standard output is no terminal it then gets nothing, unless --format says so. SIGHUP opens the file anew.",
  },
  {
    name: "rotate",
    value: "SIZE|TIME",
    repeat: true,
    group: "Where to write",
    commands: WRITING,
    help: "begin a new file after so much or so long, e.g. 100M or 1h; or one of each",
  },
  {
    name: "keep",
    value: "N",
    group: "Where to write",
    commands: WRITING,
    fallback: "all",
    help: "keep only the N newest finished files of a rotation",
  },
  {
    name: "db",
    value: "FILE",
    completeFiles: true,
    group: "Where to write",
    commands: [...WRITING, ...QUERYING, "mcp"],
    help: "store everything in the SQLite database FILE; query and mcp: the one to ask",
    details:
      "Sessions, messages, calls and what could not be heard, whatever --kinds shows, after the other filters. It is made like a FILE of -o, survives a kill and a full disk, and never holds up the capture: what finds no room is counted and said. See docs/history.md.",
  },
  {
    name: "db-keep",
    value: "TIME|SIZE",
    repeat: true,
    fallback: "all",
    group: "Where to write",
    commands: WRITING,
    help: "remove from FILE what is older, or the oldest, e.g. 7d or 1G; or one of each",
  },
  {
    name: "db-body",
    value: "SIZE",
    fallback: "64K",
    group: "Where to write",
    commands: WRITING,
    help: "store so much of each message; a longer one is cut (1K to 256M)",
  },
  {
    name: "color",
    value: "WHEN",
    choices: ["auto", "always", "never"],
    fallback: "auto: on a terminal without NO_COLOR",
    group: "Where to write",
    commands: WRITING,
    help: "colours in the console view",
  },
  {
    name: "quiet",
    short: "q",
    group: "Where to write",
    commands: WRITING,
    help: "console view shows errors only",
  },
];
