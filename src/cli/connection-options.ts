/** The options that choose connections. */
import { CONNECTING } from "./commands.ts";
import type { OptionSpec } from "./option-spec.ts";

export const CONNECTION_OPTIONS: readonly OptionSpec[] = [
  {
    name: "destination",
    value: "GLOB",
    repeat: true,
    group: "What to show",
    commands: CONNECTING,
    help: "only connections to this name or address, or to this path, e.g. '*.github.com'",
    details:
      "Names are those that are known by then: from DNS answers before the connection, from TLS and HTTP after it began. Of accepted connections the address is where they come from.",
  },
  {
    name: "port",
    value: "PORT",
    repeat: true,
    group: "What to show",
    commands: CONNECTING,
    help: "only connections to this port",
  },
  {
    name: "protocol",
    value: "NAME",
    repeat: true,
    choices: ["tcp", "udp", "unix"],
    group: "What to show",
    commands: CONNECTING,
    help: "only connections of this protocol",
  },
  {
    name: "outcome",
    value: "NAME",
    repeat: true,
    choices: [
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
    ],
    group: "What to show",
    commands: CONNECTING,
    help: "only lines of connections with this outcome by then; failure is any that is one",
  },
];
