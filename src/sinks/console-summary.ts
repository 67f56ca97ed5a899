/** The run's summary in, a block of text for a person out. */
import type {
  ConnectionTotals,
  OpenCall,
  Session,
  ShownTotals,
  Summary,
  ToolStatistics,
} from "../exchange/types.ts";
import { serverName } from "../names.ts";
import { isProcess } from "../party.ts";
import type { Colors } from "./color.ts";
import { NAME_COLUMNS, renderTable } from "./console-table.ts";
import { coverageWords } from "./coverage-words.ts";
import { truncate } from "./fit.ts";
import { noiseTexts } from "./noise-words.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount, formatMs, plural } from "./quantity.ts";
import { callWords, waitedText } from "./unanswered-words.ts";

export interface ConsoleSummaryOptions {
  readonly colors: Colors;
  /** Text from the wire in, the same without secrets out. */
  readonly mask: (text: string) => string;
  /** Only what went wrong. */
  readonly quiet: boolean;
  /** Columns of the terminal; undefined: the table is as wide as it gets. */
  readonly columns: number | undefined;
}

const LABEL_WIDTH = 10;
/** Narrow as a terminal may be. */
const MIN_TEXT = 20;
/** So many calls that wait, and that were never answered, are named; the rest is counted. */
const MAX_NAMED = 10;
/** Ids and names may be megabytes long; more than this is not looked at. */
const MAX_TEXT_CHARS = 1000;

/** Lines, each with its "\n". */
export function renderConsoleSummary(summary: Summary, options: ConsoleSummaryOptions): string {
  const { quiet } = options;
  const blocks: string[][] = [];
  const { connections } = summary;
  const isAboutMessages = summary.messages > 0 || connections === undefined;
  if (!quiet) blocks.push(heading(summary, options));
  if (!quiet && isAboutMessages) blocks.push(totals(summary, options));
  const { calls, openCalls: open } = summary.shown ?? summary;
  if (!quiet && calls.length > 0) blocks.push(callTable(calls, options));
  if (!quiet) blocks.push(...causedBlock(calls, options));
  if (!quiet && connections !== undefined) {
    blocks.push(connectionBlock(connections, summary.shown, options));
  }
  const problems = [
    ...unansweredCalls(summary, options),
    ...openCalls(open, summary.timeNs, options),
    ...noise(summary, options),
    ...(isAboutMessages ? loss(summary, options) : []),
    ...connectionLosses(summary, options),
    ...coverage(summary, options),
  ];
  if (problems.length > 0) blocks.push(problems);
  return blocks.map((block) => `\n${block.join("\n")}\n`).join("");
}

function heading(summary: Summary, { colors }: ConsoleSummaryOptions): string[] {
  const lasted = formatMs(summary.durationMs);
  if (summary.replay || summary.capture === undefined) {
    return [colors.bold(`Replay of recorded lines, ${lasted} long (${summary.endedBy})`)];
  }
  const { frontEnd, kernel } = summary.capture;
  const how = `${printable(frontEnd)} on kernel ${printable(kernel)}`;
  return [colors.bold(`Listened for ${lasted} by ${how} (${summary.endedBy})`)];
}

function totals(summary: Summary, options: ConsoleSummaryOptions): string[] {
  const { request, response, error, notification } = summary.byType;
  const { toolErrors, callsCancelled } = summary;
  // as the lines have them: RES and ERR
  const errors = plural(error + toolErrors, "error");
  const kinds = [
    plural(request, "request"),
    plural(response - toolErrors, "response"),
    toolErrors === 0 ? errors : `${errors} (${formatCount(toolErrors)} of tools)`,
    plural(notification, "notification"),
  ].join(", ");
  const unanswered = summary.callsUnanswered - callsCancelled;
  const cancelled = callsCancelled === 0 ? "" : `, ${formatCount(callsCancelled)} cancelled`;
  const failed = summary.calls.reduce((sum, each) => sum + each.errors, 0);
  return [
    row(
      "messages",
      `${formatCount(summary.messages)}${summary.shown === undefined ? "" : " heard"}, ${formatBytes(summary.messageBytes)}`,
      options,
    ),
    row("", kinds, options),
    row("sessions", formatCount(summary.sessions), options),
    ...http(summary, options),
    row(
      "calls",
      `${formatCount(summary.callsFinished)} finished, ${formatCount(failed)} of them failed; ` +
        `${formatCount(unanswered)} without an answer${cancelled}, ${unheard(summary)}${formatCount(summary.openCalls.length)} open`,
      options,
    ),
    ...(summary.shown === undefined ? [] : [shownRow(summary.shown, options)]),
  ];
}

/** What filters left of it: the tables are of this alone. */
function shownRow(totals: ShownTotals, options: ConsoleSummaryOptions): string {
  const { messages, messageBytes, callsFinished, callsUnanswered } = totals;
  const text =
    `${plural(messages, "message")} of these, ${formatBytes(messageBytes)}; ${plural(callsFinished, "call")} finished, ` +
    `${formatCount(callsUnanswered)} without an answer, ${formatCount(totals.openCalls.length)} open`;
  return row("shown", text, options);
}

/** Only where not all was heard of what their answers would have come by. */
function unheard({ callsUnheard }: Summary): string {
  return callsUnheard === 0
    ? ""
    : `${formatCount(callsUnheard)} whose answer may have gone unheard, `;
}

/** Only where HTTP was heard. */
function http(summary: Summary, options: ConsoleSummaryOptions): string[] {
  const { httpBytes, skippedBytes, httpExchanges } = summary;
  if (httpBytes + skippedBytes + httpExchanges === 0) return [];
  const exchanges = plural(httpExchanges, "exchange");
  const text = `${exchanges} without a message; ${formatBytes(httpBytes)} of heads and other bodies, ${formatBytes(skippedBytes)} of other HTTP left out`;
  return [row("http", text, options)];
}

function callTable(calls: readonly ToolStatistics[], options: ConsoleSummaryOptions): string[] {
  const hasHttp = calls.some(({ transport }) => transport === "http");
  // a narrow terminal has no room for what never was
  const hasUnanswered = calls.some(({ unanswered, open }) => unanswered + open > 0);
  const head = TABLE_HEAD.filter(
    (name) => (name !== TRANSPORT || hasHttp) && (name !== UNANSWERED || hasUnanswered),
  );
  const cell = cellOf(options);
  const rows = calls.map((entry) => [
    cell(entry.server),
    cell(entry.method),
    cell(entry.target),
    ...(hasHttp ? [entry.transport] : []),
    formatCount(entry.calls + entry.open),
    formatCount(entry.errors),
    ...(hasUnanswered ? [formatCount(entry.unanswered + entry.open)] : []),
    entry.p50Ms === undefined ? "" : formatMs(entry.p50Ms),
    entry.p95Ms === undefined ? "" : formatMs(entry.p95Ms),
  ]);
  const textColumns = hasHttp ? NAME_COLUMNS + 1 : NAME_COLUMNS;
  const redColumns = [head.indexOf("ERRORS"), ...(hasUnanswered ? [head.indexOf(UNANSWERED)] : [])];
  return renderTable(head, rows, { textColumns, redColumns }, options);
}

/** Of a tool's programs and destinations, and tools that have any. */
const MAX_CAUSED = 6;
const MAX_TOOLS = 20;

/** Which programs a tool ran, and which hosts it reached. */
function causedBlock(calls: readonly ToolStatistics[], options: ConsoleSummaryOptions): string[][] {
  const cell = cellOf(options);
  const texts = calls.flatMap(({ server, method, target, programs, reached }) => {
    const ran = listed("ran", programs);
    const went = listed("reached", reached);
    const what = [ran, went].filter((part) => part !== "").join("; ");
    return what === "" ? [] : [cell(`${server} ${target ?? method}: ${what}`)];
  });
  const rows = texts
    .slice(0, MAX_TOOLS)
    .map((text, index) => row(index === 0 ? "caused" : "", text, options));
  return rows.length === 0 ? [] : [rows];
}

function listed(verb: string, counts: Readonly<Record<string, number>> = {}): string {
  const most = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (most.length === 0) return "";
  const names = most.slice(0, MAX_CAUSED).map(([name, count]) => `${name} ${formatCount(count)}`);
  const more = most.length - names.length;
  return `${verb} ${[...names, ...(more > 0 ? [`${more} more`] : [])].join(", ")}`;
}

const NO_ATTEMPTS = { attempts: 0, rows: [] };
/** So many rows are shown; NDJSON has all. */
const MAX_DESTINATIONS = 40;

/** Where filters left some of it out, the table is of the others. */
function connectionBlock(
  totals: ConnectionTotals,
  shown: ShownTotals | undefined,
  options: ConsoleSummaryOptions,
): string[] {
  const failures = Object.entries(totals.failures).map(
    ([outcome, count]) => `${formatCount(count)} ${outcome.replaceAll("_", " ")}`,
  );
  const failed = failures.length === 0 ? "none failed" : failures.join(", ");
  const text = `${formatCount(totals.attempts)}, ${failed}, ${formatCount(totals.open)} open`;
  const cell = cellOf(options);
  const { attempts, rows: destinations } =
    shown === undefined ? totals : (shown.connections ?? NO_ATTEMPTS);
  const rows = destinations.slice(0, MAX_DESTINATIONS).map((entry) => {
    const sum = Object.values(entry.failures).reduce((all, count) => all + count, 0);
    return [
      cell(entry.process),
      entry.direction === "accepted" ? "←" : "→",
      cell(entry.destination),
      entry.protocol,
      formatCount(entry.attempts),
      formatCount(sum),
      formatBytes(entry.sentBytes),
      formatBytes(entry.receivedBytes),
      entry.p50Ms === undefined ? "" : formatMs(entry.p50Ms),
      entry.p95Ms === undefined ? "" : formatMs(entry.p95Ms),
    ];
  });
  const columns = { textColumns: 4, redColumns: [CONNECTION_HEAD.indexOf("FAILED")] };
  const more = destinations.length - rows.length;
  return [
    row("attempts", text, options),
    ...(shown === undefined ? [] : [row("shown", `${formatCount(attempts)} of these`, options)]),
    "",
    ...renderTable(CONNECTION_HEAD, rows, columns, options),
    ...(more > 0 ? [`and ${plural(more, "destination")} more`] : []),
  ];
}

function cellOf({ mask }: ConsoleSummaryOptions): (text?: string) => string {
  return (text = "") => printable(mask(text.slice(0, MAX_TEXT_CHARS)));
}

function openCalls(
  calls: readonly OpenCall[],
  nowNs: number,
  options: ConsoleSummaryOptions,
): string[] {
  const texts = calls.slice(0, MAX_NAMED).map((call) => {
    const waited = waitedText(call.sinceNs, nowNs);
    return `${callWords(call)} at ${serverLabel(call.session)}, waiting ${waited}`;
  });
  return named("open", texts, calls.length, options);
}

/** Their sessions ended first. */
function unansweredCalls(summary: Summary, options: ConsoleSummaryOptions): string[] {
  const texts = summary.unansweredCalls.slice(0, MAX_NAMED).map((call) => {
    const { endReason } = call.session;
    const until = endReason === undefined ? "" : `, until ${endReason}`;
    const waited = waitedText(call.sinceNs, call.endNs);
    return `${callWords(call)} at ${serverLabel(call.session)}, for ${waited}${until}`;
  });
  return named("no answer", texts, summary.callsUnanswered - summary.callsCancelled, options);
}

function named(
  label: string,
  texts: readonly string[],
  count: number,
  options: ConsoleSummaryOptions,
): string[] {
  const lines = texts.map((text, index) => {
    const shown = truncate(printable(options.mask(text.slice(0, MAX_TEXT_CHARS))), 160);
    return row(index === 0 ? label : "", shown, options);
  });
  const more = count - lines.length;
  if (lines.length > 0 && more > 0) lines.push(row("", `and ${formatCount(more)} more`, options));
  return lines;
}

/** "weather[34]", "weather at 10.0.0.5", "10.0.0.5" */
function serverLabel(session: Session): string {
  const { server } = session;
  const name = serverName(session);
  if (isProcess(server)) return `${name}[${server.pid}]`;
  return server === undefined || name === server.address ? name : `${name} at ${server.address}`;
}

function noise(summary: Summary, options: ConsoleSummaryOptions): string[] {
  return noiseTexts(summary.noise, options).map((text, index) =>
    row(index === 0 ? "noise" : "", options.colors.yellow(text), options),
  );
}

const REASONS_IN_A_ROW = 3;

/** Few to a row, and fewer where the terminal is narrow. */
function inRows(texts: readonly string[], columns = Number.POSITIVE_INFINITY): string[] {
  const rows: string[] = [];
  const row: string[] = [];
  for (const text of texts) {
    const isFull =
      row.length === REASONS_IN_A_ROW || [...row, text].join(", ").length > columns - LABEL_WIDTH;
    if (row.length > 0 && isFull) rows.push(row.splice(0).join(", "));
    row.push(text);
  }
  return [...rows, row.join(", ")];
}

/** All reasons, zeros too, so that silence is never taken for none. */
function loss(summary: Summary, options: ConsoleSummaryOptions): string[] {
  const { colors, quiet } = options;
  const inexact = summary.capture !== undefined && !summary.capture.exact;
  if (quiet && summary.lossBytes === 0 && !inexact) return [];
  const paint = summary.lossBytes > 0 ? colors.yellow : (text: string) => text;
  const reasons = Object.entries(summary.loss).map(
    ([reason, bytes]) => `${reason} ${formatCount(bytes)}`,
  );
  const { peerLossBytes } = summary;
  const peers =
    peerLossBytes === 0 ? "" : `; peers left ${formatBytes(peerLossBytes)} unread or unfinished`;
  const lines = [row("loss", `${paint(formatBytes(summary.lossBytes))}${peers}`, options)];
  for (const text of inRows(reasons, options.columns)) lines.push(row("", text, options));
  const { capture } = summary;
  if (capture === undefined) {
    lines.push(row("exact", "not known in a replay: the recording's own summary says it", options));
    return lines;
  }
  if (capture.unattributedBytes > 0) {
    lines.push(
      row("", colors.yellow(`unattributed ${formatCount(capture.unattributedBytes)}`), options),
    );
  }
  if (capture.notesLost + capture.processEventsLost > 0) {
    const notes = plural(capture.notesLost, "write");
    const events = plural(capture.processEventsLost, "process event");
    lines.push(row("", colors.yellow(`senders of ${notes} unknown, ${events} lost`), options));
  }
  const runs = plural(capture.skippedRuns, "skipped program run");
  const aside = summary.coverage["set_aside"] ?? 0;
  const setAside = aside === 0 ? "" : `, ${plural(aside, "channel")} not heard for a while`;
  lines.push(
    capture.exact
      ? row("exact", "yes: heard and lost bytes add up to what was read", options)
      : row(
          "exact",
          colors.yellow(
            `no: up to ${runs}, at least ${formatBytes(capture.missedBytes)} missed${setAside}`,
          ),
          options,
        ),
  );
  return lines;
}

/** Silence is never taken for none. */
function connectionLosses(summary: Summary, options: ConsoleSummaryOptions): string[] {
  const losses = summary.capture?.connections;
  if (losses === undefined) return [];
  const { eventsLost, unseen, skippedRuns } = losses;
  const isNone = eventsLost + unseen + skippedRuns === 0;
  if (isNone && options.quiet) return [];
  const text = `${plural(eventsLost, "event")} of connections lost, ${formatCount(unseen)} without an entry, up to ${plural(skippedRuns, "skipped program run")}`;
  return [row("missed", isNone ? "no connection" : options.colors.yellow(text), options)];
}

function coverage(summary: Summary, options: ConsoleSummaryOptions): string[] {
  const entries = Object.entries(summary.coverage);
  if (entries.length === 0) {
    return options.quiet ? [] : [row("coverage", "nothing seen that cannot be heard", options)];
  }
  return entries.map(([reason, count], index) => {
    const text = `${coverageWords(reason) ?? printable(reason)}: ${formatCount(count)}`;
    return row(index === 0 ? "coverage" : "", options.colors.yellow(text), options);
  });
}

/** `text`, which may be painted, goes on below itself where the terminal is narrow. */
function row(label: string, text: string, { colors, columns }: ConsoleSummaryOptions): string {
  const room = Math.max(MIN_TEXT, (columns ?? Number.POSITIVE_INFINITY) - LABEL_WIDTH);
  const lines = Bun.stringWidth(text) <= room ? text : Bun.wrapAnsi(text, room, { hard: true });
  return `${colors.dim(label.padEnd(LABEL_WIDTH))}${lines.replaceAll("\n", `\n${" ".repeat(LABEL_WIDTH)}`)}`;
}

const TRANSPORT = "TRANSPORT";
const UNANSWERED = "NO ANSWER";
const TABLE_HEAD = [
  "SERVER",
  "METHOD",
  "TARGET",
  TRANSPORT,
  "CALLS",
  "ERRORS",
  UNANSWERED,
  "P50",
  "P95",
];
const CONNECTION_HEAD = [
  "PROCESS",
  "",
  "DESTINATION",
  "PROTOCOL",
  "ATTEMPTS",
  "FAILED",
  "SENT",
  "RECEIVED",
  "P50",
  "P95",
];
