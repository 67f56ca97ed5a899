/**
 * Writes what was measured between the markers of its page: test/bench/results.json (`make bench`) into docs/cost.md,
 * build/kernels.md (`make test-kernels`) into docs/kernels.md, build/test/coverage.jsonl (`make test`: in which programs TLS
 * was heard) into docs/coverage.md. A source that is not there leaves its page as it is.
 */
import { join } from "node:path";
import { at, type JsonObject, numberAt, parseObject, textAt } from "../test/e2e/json.ts";

const ROOT = join(import.meta.dir, "..");

const COSTS: readonly (readonly [key: string, title: string])[] = [
  ["mcp_pipe", "write + read on an MCP pipe"],
  ["busy_pipe", "write + read on an unrelated busy pipe"],
  ["unix_socketpair", "write + read on an unrelated Unix socketpair"],
  ["tcp_socket", "write + read on a TCP socket"],
  ["regular_file", "write + read of a regular file"],
  ["getppid", "getppid()"],
];

const LEAST = "least";
const ROLES = ["client", "server"] as const;
const TRANSPORTS = ["HTTP/1.1", "HTTP/2"];

const results = Bun.file(join(ROOT, "test/bench/results.json"));
const kernels = Bun.file(join(ROOT, "build/kernels.md"));
const coverage = Bun.file(join(ROOT, "build/test/coverage.jsonl"));
if (await results.exists())
  await write("docs/cost.md", "bench", renderBench(parseObject(await results.text())));
if (await kernels.exists())
  await write("docs/kernels.md", "kernels", (await kernels.text()).trim());
if (await coverage.exists()) {
  const lines = (await coverage.text()).split("\n").filter((line) => line !== "");
  await write("docs/coverage.md", "coverage", renderCoverage(lines.map(parseObject)));
}

/** @throws Error when the markers are not there. */
async function write(page: string, name: string, content: string): Promise<void> {
  const path = join(ROOT, page);
  const text = await Bun.file(path).text();
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(open);
  const to = text.indexOf(close);
  if (from < 0 || to < from) throw new Error(`${path} has no "${open}" before "${close}"`);
  await Bun.write(path, `${text.slice(0, from + open.length)}\n${content}\n${text.slice(to)}`);
}

function renderBench(measured: unknown): string {
  const frontEnds = listAt(measured, "front_ends").map(String);
  const quick = at(measured, "quick") === true ? ", a quick run" : "";
  const machine =
    `${textAt(measured, "machine", "cpu")}, ${numberAt(measured, "machine", "cores")} cores, ` +
    `${numberAt(measured, "machine", "memory_gib")} GiB, Linux ${textAt(measured, "machine", "kernel")}`;
  return [
    `${machine}; medians (lowest…highest) of several rounds${quick}.`,
    rateTable(listAt(measured, "rates")),
    costTable(measured, frontEnds),
    ...emulatedTable(measured),
    ...everydayTable(measured, frontEnds),
    ...webTable(measured, frontEnds),
    ...connectTable(measured, frontEnds),
    ...askedTable(measured),
    ...tlsTable(measured),
    restTable(listAt(measured, "delays"), listAt(measured, "footprints")),
  ].join("\n\n");
}

function costTable(measured: unknown, frontEnds: readonly string[]): string {
  const names = withLeast(at(measured, "cost", "getppid", "added"), frontEnds);
  return table([
    ["what a program pays, ns", "without", ...names.map((name) => `added, ${titleOf(name)}`)],
    ...COSTS.map(([key, title]) => [
      title,
      spread(at(measured, "cost", key, "base")),
      ...names.map((name) => spread(at(measured, "cost", key, "added", name))),
    ]),
  ]);
}

/** And an empty program in the tracepoint front end's place, the least that it could cost; older results have none. */
function withLeast(measured: unknown, frontEnds: readonly string[]): readonly string[] {
  return at(measured, LEAST) === undefined ? frontEnds : [...frontEnds, LEAST];
}

function titleOf(name: string): string {
  return name === LEAST ? "an empty program" : name;
}

/** In an emulated guest nanoseconds say nothing; how much of a call is added does. */
function emulatedTable(measured: unknown): string[] {
  const emulated = at(measured, "emulated");
  if (emulated === undefined) return [];
  const frontEnds = ["fexit", "tracepoint"];
  const percent = (key: string, frontEnd: string) => {
    const base = numberAt(emulated, "cost", key, "base", "median");
    const added = numberAt(emulated, "cost", key, "added", frontEnd, "median");
    return `${Math.round((added / base) * 100)} %`;
  };
  return [
    `Both front ends, emulated (${textAt(emulated, "kernel")}), in percent of the same calls without the tool:`,
    table([
      ["what a program pays more", ...frontEnds],
      ...COSTS.map(([key, title]) => [title, ...frontEnds.map((name) => percent(key, name))]),
    ]),
  ];
}

/** The C consumer is the reference: the same drain, without any of overhear's rooms. It speaks no HTTP. */
function rateTable(rates: readonly unknown[]): string {
  const cpu = (each: unknown) => numberAt(each, "cpu_ns_per_message", "median");
  const times = (each: unknown) => {
    const isReference = (other: unknown) =>
      at(other, "tool") !== "overhear" &&
      ["size", "transport", "front_end"].every((key) => at(other, key) === at(each, key));
    const reference = rates.find(isReference);
    return reference === undefined ? "" : (cpu(each) / cpu(reference)).toFixed(1);
  };
  return table([
    [
      ...["messages/s heard without loss", "front end", "into"],
      ...["CPU, times the reference's", "CPU ns per message", "messages/s"],
    ],
    ...rates.map((each) => [
      `${textAt(each, "tool")}, ${at(each, "transport") === "http" ? "HTTP, " : ""}${whole(numberAt(each, "size"))} B`,
      textAt(each, "front_end"),
      textAt(each, "output"),
      times(each),
      spread(at(each, "cpu_ns_per_message")),
      `${at(each, "generator_is_limit") === true ? "≥ " : ""}${spread(at(each, "messages_per_s"))}`,
    ]),
  ]);
}

/** Requests and answers of 1 KB, evenly spaced; all threads together. */
function everydayTable(measured: unknown, frontEnds: readonly string[]): string[] {
  if (at(measured, "everyday") === undefined) return [];
  const rows = listAt(measured, "everyday");
  const rates = [...new Set(rows.map((each) => numberAt(each, "rate")))];
  const tools = [...new Set(rows.map((each) => textAt(each, "tool")))];
  const cell = (tool: string, frontEnd: string, rate: number) => {
    const row = rows.find(
      (each) =>
        at(each, "tool") === tool &&
        at(each, "front_end") === frontEnd &&
        at(each, "rate") === rate,
    );
    return `${numberAt(row, "cpu_percent", "median").toFixed(1)} %`;
  };
  return [
    table([
      ["CPU of one core at", "front end", ...rates.map((rate) => `${whole(rate)}/s`)],
      ...frontEnds.flatMap((frontEnd) =>
        tools.map((tool) => [
          `${tool}, 1,024 B`,
          frontEnd,
          ...rates.map((rate) => cell(tool, frontEnd, rate)),
        ]),
      ),
    ]),
  ];
}

/** Results of before there was HTTP have none. */
function webTable(measured: unknown, frontEnds: readonly string[]): string[] {
  if (at(measured, "web") === undefined) return [];
  const rows = listAt(measured, "web");
  const columns = frontEnds.flatMap((name) => [`with ${name}`, "added p50, µs", "added p99, µs"]);
  const least = withLeast(at(rows[0], "requests_per_s", "with"), []);
  return [
    table([
      [
        ...["HTTP over loopback, 1 KB", "requests/s without"],
        ...least.map((name) => `with ${titleOf(name)}`),
        ...columns,
      ],
      ...rows.map((each) => [
        `${textAt(each, "subject") === "mcp" ? "MCP" : "other HTTP"}${at(each, "tls") === true ? " inside TLS" : ""}, connections: ${numberAt(each, "connections")}`,
        spread(at(each, "requests_per_s", "without")),
        ...least.map((name) => spread(at(each, "requests_per_s", "with", name))),
        ...frontEnds.flatMap((name) => [
          spread(at(each, "requests_per_s", "with", name)),
          spread(at(each, "p50_us", "added", name)),
          spread(at(each, "p99_us", "added", name)),
        ]),
      ]),
    ]),
  ];
}

/** Of one client process after another, each waiting for its server; older results have none, as with what follows. */
function connectTable(measured: unknown, frontEnds: readonly string[]): string[] {
  if (at(measured, "connects") === undefined) return [];
  const rows = listAt(measured, "connects");
  const names = withLeast(at(rows[0], "connections_per_s", "with"), frontEnds);
  const columns = names.flatMap((name) => [`with ${titleOf(name)}`, "kept", "added p99, µs"]);
  const kept = (each: unknown, name: string) => {
    const [before, after] = [["without"], ["with", name]].map((path) =>
      numberAt(each, "connections_per_s", ...path, "median"),
    );
    return `${Math.round((100 * (after ?? 0)) / (before ?? 0))} %`;
  };
  return [
    table([
      ["connect and close over loopback", "connections/s without", ...columns],
      ...rows.map((each) => [
        textAt(each, "tool"),
        spread(at(each, "connections_per_s", "without")),
        ...names.flatMap((name) => [
          spread(at(each, "connections_per_s", "with", name)),
          kept(each, name),
          spread(at(each, "p99_us", "added", name)),
        ]),
      ]),
    ]),
  ];
}

function askedTable(measured: unknown): string[] {
  const asked = at(measured, "asked");
  if (asked === undefined) return [];
  const answers = listAt(asked, "answers");
  const tools = [...new Set(answers.map((each) => textAt(each, "tool")))];
  const transports = [...new Set(answers.map((each) => textAt(each, "transport")))];
  const cell = (tool: string, transport: string) => {
    const row = answers.find(
      (each) => at(each, "tool") === tool && at(each, "transport") === transport,
    );
    return ["p50_ms", "p99_ms"].map((key) => numberAt(row, key).toFixed(1)).join(", ");
  };
  const size = `${whole(numberAt(asked, "history_calls"))} calls`;
  return [
    table([
      [
        `tools of overhear mcp, a history of ${size}: p50, p99, ms`,
        ...transports.map((transport) => (transport === "http" ? "HTTP" : transport)),
      ],
      ...tools.map((tool) => [tool, ...transports.map((transport) => cell(tool, transport))]),
    ]),
  ];
}

function tlsTable(measured: unknown): string[] {
  const analysis = at(measured, "analysis");
  if (analysis === undefined) return [];
  const size = `${Math.round(numberAt(analysis, "bytes") / 1e6)} MB`;
  const row = (title: string, frontEnd: string, from: unknown, key: string) => [
    title,
    frontEnd,
    `${spread(at(from, key))} ms`,
  ];
  return [
    table([
      ["finding what encrypts", "front end", "measured"],
      row(`a program of ${size}, from the disk`, "", analysis, "cold_ms"),
      row("the same, in memory", "", analysis, "in_memory_ms"),
      row("the same, looked through before", "", analysis, "cached_ms"),
      ...listAt(measured, "discoveries").flatMap((each) => {
        const frontEnd = textAt(each, "front_end");
        const processes = `${whole(numberAt(each, "processes"))} processes`;
        return [
          row(`a library that one of ${processes} has`, frontEnd, each, "among_processes_ms"),
          row("a library that the only process has", frontEnd, each, "alone_ms"),
          row("from start to hearing the first library", frontEnd, each, "attach_ms"),
          row("from SIGINT to the end", frontEnd, each, "stop_ms"),
          row("from SIGINT to the end, --tls off", frontEnd, each, "stop_without_ms"),
        ];
      }),
    ]),
  ];
}

function restTable(delays: readonly unknown[], footprints: readonly unknown[]): string {
  return table([
    ["overhear itself", "front end", "measured"],
    ...delays.flatMap((each) =>
      (["p50", "p99"] as const).map((part) => [
        `write() to line out, ${part}, at ${whole(numberAt(each, "rate"))} messages/s`,
        textAt(each, "front_end"),
        `${spread(at(each, `${part}_us`))} µs`,
      ]),
    ),
    ...footprints.flatMap(footprintRows),
  ]);
}

function footprintRows(footprint: unknown): string[][] {
  const frontEnd = textAt(footprint, "front_end");
  const megabytes = (from: unknown, key: string) => `${Math.round(numberAt(from, key))} MB`;
  return [
    ["from start to listening", frontEnd, `${spread(at(footprint, "listening_ms"))} ms`],
    ["CPU while idle", frontEnd, `${numberAt(footprint, "idle_cpu_percent")} %`],
    ["resident memory while idle", frontEnd, megabytes(footprint, "idle_rss_mb")],
    ...listAt(footprint, "after").map((each) => [
      `resident memory after ${whole(numberAt(each, "messages"))} messages`,
      frontEnd,
      `${megabytes(each, "rss_mb")}, at most ${megabytes(each, "peak_mb")}`,
    ]),
  ];
}

/** Markdown; the first row is the head, the first column is text. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const rule = head.map((_, column) => (column === 0 ? "---" : "--:"));
  return [head, rule, ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function spread(measured: unknown): string {
  if (measured === undefined) return "";
  const [median, min, max] = ["median", "min", "max"].map((key) => numberAt(measured, key));
  return `${whole(median)} (${whole(min)}…${whole(max)})`;
}

function whole(value: number | undefined): string {
  return Math.round(value ?? Number.NaN).toLocaleString("en-US");
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const found = at(value, key);
  if (!Array.isArray(found)) throw new Error(`no list at ${key}`);
  return found;
}

/** A row for each runtime and stack; in its cells, as what it was heard and where. */
function renderCoverage(lines: readonly JsonObject[]): string {
  const key = (line: JsonObject) => `${textAt(line, "runtime")} | ${textAt(line, "stack")}`;
  const rows = [...new Set(lines.map(key))].sort();
  const transports = TRANSPORTS.filter((one) => lines.some((line) => line["transport"] === one));
  const kernels = [...new Set(lines.map((line) => textAt(line, "kernel")))].sort();
  const cell = (row: string, transport: string) => {
    const own = lines.filter((line) => key(line) === row && line["transport"] === transport);
    const roles = ROLES.filter((role) => own.some((line) => line["role"] === role));
    return roles.length === 0 ? "" : `heard as ${roles.join(" and ")}`;
  };
  const head = ["program", "what encrypts", ...transports.map((each) => `${each} inside TLS`)];
  return [
    `As tested on Linux ${kernels.join(", ")}:`,
    "",
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---|").join("")}`,
    ...rows.map((row) => `| ${[row, ...transports.map((each) => cell(row, each))].join(" | ")} |`),
  ].join("\n");
}
