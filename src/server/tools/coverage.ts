/** get_coverage: what can and cannot be heard here, and what was lost. */
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { formatBytes, plural } from "../../sinks/quantity.ts";
import type { CoverageRecord } from "../../store/types.ts";
import { answer, fitLines } from "../answer.ts";
import { isoTime, isoTimeOf } from "../when.ts";
import { HEARD, READ_ONLY, type ToolContext } from "./tool.ts";

const output = z.object({
  complete: z
    .boolean()
    .describe("nothing was lost, and no process is known that could not be heard"),
  runs: z.array(
    z.object({
      started_at: z.string(),
      ended_at: z.string().optional().describe("absent: it records still, or was killed"),
      front_end: z.string().optional().describe("fexit or tracepoint"),
      kernel: z.string().optional(),
      exact: z.boolean().optional().describe("false: more bytes may be missing than are counted"),
      version: z.string().optional(),
    }),
  ),
  last_heard_at: z.string().optional(),
  sessions: z.int(),
  calls: z.int(),
  messages: z.int(),
  connections: z.int(),
  losses: z.array(z.object({ reason: z.string(), bytes: z.int(), count: z.int() })),
  not_heard: z
    .array(z.object({ reason: z.string(), count: z.int(), example: z.string().optional() }))
    .describe("what is there and cannot be heard"),
  noise: z
    .array(
      z.object({
        server: z.string(),
        lines: z.int(),
        bytes: z.int(),
        example: z.string(),
        message_in_text: z
          .boolean()
          .describe("a message shares its line with text: its receiver cannot read it"),
      }),
    )
    .describe("text beside the messages, such as a server's log on its standard output"),
  dropped_rows: z.int().describe("heard, and not stored for lack of room or speed"),
  removed_rows: z.int().describe("too old: retention removed them"),
  own_sessions: z.int().describe("between agents and overhear itself; no answer shows them"),
  body_limit_bytes: z.int().describe("longer messages are stored cut"),
  redacted: z.boolean().describe("secrets are masked"),
  records_files: z.boolean().describe("files that a call changed are recorded (--files)"),
});

export function registerGetCoverage(server: McpServer, { history }: ToolContext): void {
  server.registerTool(
    "get_coverage",
    {
      title: "What is heard, and what is not",
      description: `Tells what can and cannot be heard on this host, what was lost and why: ask this before you conclude that something did not happen. ${HEARD}`,
      inputSchema: z.object({}),
      outputSchema: output,
      annotations: READ_ONLY,
    },
    () => {
      const coverage = history.coverage();
      return answer(shapeCoverage(coverage), fitLines(coverageLines(coverage)));
    },
  );
}

function isComplete(coverage: CoverageRecord): boolean {
  return (
    coverage.losses.every(({ bytes, count }) => bytes === 0 && count === 0) &&
    // copies that servers trace to standard error are missed by nobody
    coverage.notHeard.every(({ reason }) => reason === "stderr") &&
    coverage.droppedRows === 0 &&
    coverage.runs.every(({ exact }) => exact !== false)
  );
}

export function shapeCoverage(coverage: CoverageRecord): z.infer<typeof output> {
  return {
    complete: isComplete(coverage),
    runs: coverage.runs.map((run) => ({
      started_at: isoTime(run.startMs),
      ended_at: isoTimeOf(run.endMs),
      front_end: run.frontEnd,
      kernel: run.kernel,
      exact: run.exact,
      version: run.version,
    })),
    last_heard_at: isoTimeOf(coverage.lastHeardMs),
    sessions: coverage.sessions,
    calls: coverage.calls,
    messages: coverage.messages,
    connections: coverage.connections,
    losses: coverage.losses.map((loss) => ({ ...loss })),
    not_heard: coverage.notHeard.map((each) => ({ ...each })),
    noise: coverage.noise.map(({ serverName, holdsMessage, ...each }) => ({
      server: serverName,
      ...each,
      message_in_text: holdsMessage,
    })),
    dropped_rows: coverage.droppedRows,
    removed_rows: coverage.removedRows,
    own_sessions: coverage.ownSessions,
    body_limit_bytes: coverage.bodyLimitBytes,
    redacted: coverage.isRedacted,
    records_files: coverage.recordsFiles,
  };
}

function coverageLines(coverage: CoverageRecord): string[] {
  const [run] = coverage.runs;
  const since =
    run === undefined
      ? "Nothing was ever recorded."
      : `Recorded since ${isoTime(run.startMs)}${run.endMs === undefined ? "" : ` until ${isoTime(run.endMs)}`} (${run.frontEnd ?? "front end not known"}).`;
  const heard = `${plural(coverage.sessions, "session")}, ${plural(coverage.calls, "call")}, ${plural(coverage.messages, "message")}, ${plural(coverage.connections, "connection")}.`;
  const losses = coverage.losses
    .filter(({ bytes, count }) => bytes > 0 || count > 0)
    .map(({ reason, bytes, count }) => `Lost: ${reason}, ${formatBytes(bytes)}, ${count} times.`);
  const notHeard = coverage.notHeard.map(
    ({ reason, count, example }) =>
      `Not heard: ${reason}, ${count} times${example === undefined ? "" : `, e.g. ${example}`}.`,
  );
  const noise = coverage.noise.map(
    ({ serverName, lines, bytes, example, holdsMessage }) =>
      `Beside its messages ${serverName} says ${plural(lines, "line")} of text, ${formatBytes(bytes)}${holdsMessage ? ", a message and text on one line" : ""}: ${JSON.stringify(example)}.`,
  );
  return [
    `${since} ${heard}`,
    ...(isComplete(coverage) ? ["Nothing is known to be missing."] : []),
    ...losses,
    ...notHeard,
    ...noise,
    ...(coverage.droppedRows > 0 ? [`Not stored: ${plural(coverage.droppedRows, "row")}.`] : []),
    ...(coverage.removedRows > 0
      ? [`Removed for their age: ${plural(coverage.removedRows, "row")}.`]
      : []),
  ];
}
