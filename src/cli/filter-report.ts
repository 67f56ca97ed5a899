/** A run of which the filters let no message pass in, a line that says so out: a misspelt name looks like silence. */

import type { Outputs } from "../delivery/outputs.ts";
import type { Summary } from "../exchange/types.ts";
import { plural } from "../sinks/quantity.ts";
import { say } from "./say.ts";
import type { OutputOptions } from "./types.ts";

export function reportUnmatched(summary: Summary, outputs: Outputs, options: OutputOptions): void {
  if (options.quiet || outputs.matched || summary.messages === 0) return;
  const { transports, methods, tools, servers, hosts } = options.filters;
  const given = [
    ...transports.map((each) => `--transport ${each}`),
    ...methods.map((each) => `--method "${each}"`),
    ...tools.map((each) => `--tool "${each}"`),
    ...servers.map((each) => `--server "${each}"`),
    ...hosts.map((each) => `--host "${each}"`),
  ];
  const heard = plural(summary.messages, "message");
  say(`overhear: ${heard} heard, none of them matches ${given.join(" ")}`);
}
