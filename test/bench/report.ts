/** Results in, a table on standard output out. */
import type { Analysis } from "./analysis.ts";
import type { Asked } from "./asking.ts";
import type { Compared, With } from "./compared.ts";
import type { ConnectCost } from "./connects.ts";
import { type Cost, KINDS, type Kind } from "./cost.ts";
import type { Delay } from "./delay.ts";
import type { Discovery } from "./discovery.ts";
import type { Emulated } from "./emulated.ts";
import { type Machine, say } from "./environment.ts";
import type { Everyday } from "./everyday.ts";
import type { Footprint } from "./footprint.ts";
import { type Measured, round } from "./statistics.ts";
import type { FrontEnd } from "./tool.ts";
import type { WebCost } from "./web.ts";

export interface RateResult {
  readonly front_end: FrontEnd;
  readonly tool: string;
  readonly transport: "stdio" | "http";
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
  readonly web: readonly WebCost[];
  readonly connects: readonly ConnectCost[];
  readonly analysis: Analysis;
  readonly asked: Asked;
  /** Where this kernel refuses a front end. */
  readonly emulated: Emulated | undefined;
  readonly rates: RateResult[];
  readonly everyday: Everyday[];
  readonly delays: (Delay & { readonly front_end: FrontEnd; readonly rate: number })[];
  readonly footprints: (Footprint & { readonly front_end: FrontEnd })[];
  readonly discoveries: (Discovery & { readonly front_end: FrontEnd })[];
  readonly minutes: number;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function spread({ median, min, max }: Measured): string {
  return `${thousands(median)} (${thousands(min)}…${thousands(max)})`;
}

function percent({ median, min, max }: Measured): string {
  return `${median.toFixed(1)} (${min.toFixed(1)}…${max.toFixed(1)})`;
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
  if (results.emulated !== undefined)
    say("  (both front ends, emulated: results.json, docs/cost.md)");
  say("\nCPU at everyday rates, 1,024 B, evenly spaced, % of one core");
  table([
    ["", "median (lowest…highest)"],
    ...results.everyday.map((each) => [
      `${each.tool}, ${each.front_end}, ${thousands(each.rate)}/s`,
      percent(each.cpu_percent),
    ]),
  ]);
  for (const name of columnsOf(results)) {
    say(`\nHTTP over loopback, without and with ${name}`);
    table(webRows(results.web, name));
    say(`\nConnect and close over loopback, without and with ${name}`);
    table(connectRows(results.connects, name));
  }
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
  say(
    `\nTools of overhear mcp, ms, of a history of ${thousands(results.asked.history_calls)} calls`,
  );
  table(askedRows(results.asked));
  for (const each of results.footprints) printFootprint(each);
  printTls(results);
}

function rateRows(rates: readonly RateResult[]): string[][] {
  const rows = [["", "messages/s", "CPU ns/message", "of C reference"]];
  for (const each of rates) {
    const isReference = (other: RateResult) =>
      other.tool !== "overhear" && other.size === each.size && other.transport === each.transport;
    const reference = rates.find(isReference);
    const ratio = each.messages_per_s.median / (reference?.messages_per_s.median ?? 0);
    const limit = each.generator_is_limit ? " *" : "";
    rows.push([
      `${each.tool}, ${each.transport}, ${each.output}, ${thousands(each.size)} B`,
      `${spread(each.messages_per_s)}${limit}`,
      spread(each.cpu_ns_per_message),
      reference === undefined ? "" : String(round(ratio)),
    ]);
  }
  if (rates.some((each) => each.generator_is_limit)) rows.push(["* the generator goes no faster"]);
  return rows;
}

/** "least": an empty program at the exit of system calls. */
function columnsOf(results: Results): With[] {
  const hasLeast = results.cost.getppid.added.least !== undefined;
  return hasLeast ? [...results.front_ends, "least"] : [...results.front_ends];
}

function costRows(results: Results): string[][] {
  const { cost } = results;
  const names = columnsOf(results);
  return [
    ["", "no tool", ...names.map((name) => `+ ${name}`)],
    ...KINDS.map((kind) => [
      kind.replaceAll("_", " "),
      spread(cost[kind].base),
      ...names.map((name) => {
        const added = cost[kind].added[name];
        return added === undefined ? "" : spread(added);
      }),
    ]),
  ];
}

/** What is left of the base with the tool, and what is added to the times. */
function comparedCells(
  rate: Compared,
  times: readonly Compared[],
  frontEnd: With,
): readonly string[] {
  const kept = (100 * (rate.with[frontEnd]?.median ?? Number.NaN)) / rate.without.median;
  return [
    spread(rate.without),
    `${round(kept)} %`,
    ...times.flatMap(({ without, added }) => {
      const more = added[frontEnd];
      return [spread(without), more === undefined ? "" : spread(more)];
    }),
  ];
}

function webRows(web: readonly WebCost[], frontEnd: With): string[][] {
  return [
    ["", "requests/s", "kept", "p50 µs", "added", "p99 µs", "added"],
    ...web.map((each) => [
      `${each.subject}${each.tls ? " in TLS" : ""}, ${each.connections} connection${each.connections === 1 ? "" : "s"}`,
      ...comparedCells(each.requests_per_s, [each.p50_us, each.p99_us], frontEnd),
    ]),
  ];
}

function connectRows(connects: readonly ConnectCost[], frontEnd: With): string[][] {
  return [
    ["", "connections/s", "kept", "p50 µs", "added", "p99 µs", "added"],
    ...connects.map((each) => [
      each.tool,
      ...comparedCells(each.connections_per_s, [each.p50_us, each.p99_us], frontEnd),
    ]),
  ];
}

function askedRows({ answers }: Asked): string[][] {
  return [
    ["", "p50", "p99"],
    ...answers.map((each) => [
      `${each.tool}, ${each.transport}`,
      each.p50_ms.toFixed(1),
      each.p99_ms.toFixed(1),
    ]),
  ];
}

function printTls({ analysis, discoveries }: Results): void {
  say(`\nLooking through a program of ${Math.round(analysis.bytes / 1e6)} MB, ms`);
  table([
    ["from the disk", spread(analysis.cold_ms)],
    ["in memory", spread(analysis.in_memory_ms)],
    ["looked through before", spread(analysis.cached_ms)],
  ]);
  for (const each of discoveries) {
    say(`\nTLS libraries, ${each.front_end}, ms`);
    table([
      [`found among ${each.processes} processes`, spread(each.among_processes_ms)],
      ["found in the only process", spread(each.alone_ms)],
      ["from start to hearing one", spread(each.attach_ms)],
      ["from SIGINT to the end", spread(each.stop_ms)],
      ["the same with --tls off", spread(each.stop_without_ms)],
    ]);
  }
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
