/** Results in, a table on standard output out. */
import { type Cost, KINDS, type Kind } from "./cost.ts";
import type { Delay } from "./delay.ts";
import type { Emulated } from "./emulated.ts";
import { type Machine, say } from "./environment.ts";
import type { Footprint } from "./footprint.ts";
import { type Measured, round } from "./statistics.ts";
import type { FrontEnd } from "./tool.ts";

export interface RateResult {
  readonly front_end: FrontEnd;
  readonly tool: string;
  readonly output: string;
  readonly size: number;
  readonly messages_per_s: Measured;
  readonly cpu_ns_per_message: Measured;
  /** The generator could not go faster without loss: the tool's own limit lies higher. */
  readonly generator_is_limit: boolean;
}

export interface Results {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly front_ends: readonly FrontEnd[];
  readonly cost: Record<Kind, Cost>;
  /** Where this kernel refuses a front end. */
  readonly emulated: Emulated | undefined;
  readonly rates: RateResult[];
  readonly delays: (Delay & { readonly front_end: FrontEnd; readonly rate: number })[];
  readonly footprints: (Footprint & { readonly front_end: FrontEnd })[];
  readonly minutes: number;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function spread({ median, min, max }: Measured): string {
  return `${thousands(median)} (${thousands(min)}…${thousands(max)})`;
}

function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
    );
    say(`  ${cells.join("  ")}`);
  }
}

export function printReport(results: Results): void {
  const { machine } = results;
  say(
    `\n${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, Linux ${machine.kernel}`,
  );
  say(`medians (lowest…highest)${results.quick ? ", quick run" : ""}, ${results.minutes} min`);
  for (const frontEnd of results.front_ends) {
    say(`\nMessages/s without loss, ${frontEnd}`);
    table(rateRows(results.rates.filter((each) => each.front_end === frontEnd)));
  }
  say("\nAdded ns per write+read of 200 B (per call: getppid)");
  table(costRows(results));
  if (results.emulated !== undefined) say("  (both front ends, emulated: results.json, README.md)");
  say("\nDelay from write() to the line, µs");
  table([
    ["", "p50", "p99", "max"],
    ...results.delays.map((each) => [
      `${each.front_end} ${each.rate}/s`,
      spread(each.p50_us),
      spread(each.p99_us),
      spread(each.max_us),
    ]),
  ]);
  for (const each of results.footprints) printFootprint(each);
}

function rateRows(rates: readonly RateResult[]): string[][] {
  const rows = [["", "messages/s", "CPU ns/message", "of C reference"]];
  for (const each of rates) {
    const reference = rates.find((other) => other.tool !== "overhear" && other.size === each.size);
    const ratio = each.messages_per_s.median / (reference?.messages_per_s.median ?? Number.NaN);
    const limit = each.generator_is_limit ? " *" : "";
    rows.push([
      `${each.tool}, ${each.output}, ${thousands(each.size)} B`,
      `${spread(each.messages_per_s)}${limit}`,
      spread(each.cpu_ns_per_message),
      String(round(ratio)),
    ]);
  }
  if (rates.some((each) => each.generator_is_limit)) rows.push(["* the generator goes no faster"]);
  return rows;
}

function costRows({ cost, front_ends: frontEnds }: Results): string[][] {
  return [
    ["", "no tool", ...frontEnds.map((name) => `+ ${name}`)],
    ...KINDS.map((kind) => [
      kind.replaceAll("_", " "),
      spread(cost[kind].base),
      ...frontEnds.map((name) => {
        const added = cost[kind].added[name];
        return added === undefined ? "" : spread(added);
      }),
    ]),
  ];
}

function printFootprint(footprint: Results["footprints"][number]): void {
  say(`\nThe tool itself, ${footprint.front_end}`);
  table([
    ["idle CPU", `${footprint.idle_cpu_percent} %`],
    [
      "idle memory",
      `${Math.round(footprint.idle_rss_mb)} MB resident, ${Math.round(footprint.idle_own_mb)} MB its own`,
    ],
    ...footprint.after.map((each) => [
      `after ${thousands(each.messages)} messages`,
      `${Math.round(each.rss_mb)} MB, peak ${Math.round(each.peak_mb)} MB`,
    ]),
    ["listening after", `${spread(footprint.listening_ms)} ms`],
  ]);
}
