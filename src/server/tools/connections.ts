/** list_connections and get_connection_summary: who connected to what, and how that went. */
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { formatBytes, formatMs, plural } from "../../sinks/quantity.ts";
import type { ConnectionSummary } from "../../store/types.ts";
import { answer, fitLines, fitPage } from "../answer.ts";
import { connectionLine } from "../lines.ts";
import { connectionShape, outcomeShape, shapeConnection } from "../shapes.ts";
import { roundMs, roundMsOf } from "../when.ts";
import {
  cursorInput,
  HEARD,
  limitInput,
  nextCursor,
  pageOf,
  READ_ONLY,
  sinceInput,
  sinceOf,
  type ToolContext,
} from "./tool.ts";

const MAX_PID = 4_194_304;

const pidInput = z.int().min(1).max(MAX_PID).optional();
const commandInput = z
  .string()
  .min(1)
  .max(256)
  .optional()
  .describe("name of the program, as ps -o comm shows it (15 bytes)");

const listInput = z.object({
  pid: pidInput,
  command: commandInput,
  container: z.string().max(128).optional().describe("beginning of a container's id"),
  host: z.string().max(256).optional().describe("host name, address, or path of a Unix socket"),
  port: z.int().min(1).max(65_535).optional(),
  protocol: z.enum(["tcp", "udp", "unix"]).optional(),
  outcome: outcomeShape.optional(),
  direction: z.enum(["outgoing", "accepted"]).optional(),
  since: sinceInput,
  limit: limitInput,
  cursor: cursorInput,
});

const listOutput = z.object({ connections: z.array(connectionShape), next_cursor: nextCursor });

export function registerListConnections(server: McpServer, { history, nowMs }: ToolContext): void {
  server.registerTool(
    "list_connections",
    {
      title: "List connections",
      description: `Lists connections of processes on this host, newest first: destination, outcome, handshake latency, bytes each way, and the MCP call that caused it where one did. ${HEARD}`,
      inputSchema: listInput,
      outputSchema: listOutput,
      annotations: READ_ONLY,
    },
    (asked) => {
      const filter = {
        pid: asked.pid,
        comm: asked.command,
        container: asked.container,
        host: asked.host,
        port: asked.port,
        protocol: asked.protocol,
        outcomes: asked.outcome === undefined ? undefined : [asked.outcome],
        direction: asked.direction,
        sinceMs: sinceOf(asked.since, nowMs()),
      };
      const page = history.connections(filter, pageOf(asked));
      const { shapes, nextCursor } = fitPage(page, shapeConnection);
      const lines = page.items.slice(0, shapes.length).map(connectionLine);
      const text = lines.length === 0 ? "No connection matches." : fitLines(lines);
      return answer({ connections: shapes, next_cursor: nextCursor }, text);
    },
  );
}

export const MAX_DURATION_S = 366 * 86_400;

const summaryInput = z.object({
  pid: pidInput,
  command: commandInput,
  duration: z
    .number()
    .positive()
    .max(MAX_DURATION_S)
    .default(60)
    .describe("how far back, in seconds"),
});

const summaryOutput = z.object({
  total_attempts: z.int(),
  successes: z.int(),
  in_progress: z.int(),
  failures: z.int(),
  failures_by_reason: z.record(z.string(), z.int()).describe("outcome, with the errno's name"),
  avg_latency_ms: z.number().optional().describe("of the handshakes; absent: none is known"),
  p50_latency_ms: z.number().optional(),
  p95_latency_ms: z.number().optional(),
  sent_bytes: z.int(),
  received_bytes: z.int(),
});

export function registerConnectionSummary(
  server: McpServer,
  { history, nowMs }: ToolContext,
): void {
  server.registerTool(
    "get_connection_summary",
    {
      title: "Summarise connections",
      description:
        "Counts the outgoing connection attempts of a process, a program, or (without pid and command) the whole host in the last seconds: successes, failures by reason, handshake latency, bytes.",
      inputSchema: summaryInput,
      outputSchema: summaryOutput,
      annotations: READ_ONLY,
    },
    (asked) => {
      const sinceMs = nowMs() - asked.duration * 1000;
      const summary = history.connectionSummary({ pid: asked.pid, comm: asked.command, sinceMs });
      const subject = asked.command ?? (asked.pid === undefined ? "this host" : `pid ${asked.pid}`);
      return answer(shapeSummary(summary), summaryText(summary, subject, asked.duration));
    },
  );
}

function shapeSummary(summary: ConnectionSummary): z.infer<typeof summaryOutput> {
  const byReason: Record<string, number> = {};
  for (const { outcome, errno, count } of summary.failures) {
    byReason[reason(outcome, errno)] = count;
  }
  return {
    total_attempts: summary.attempts,
    successes: summary.successes,
    in_progress: summary.inProgress,
    failures: failuresOf(summary),
    failures_by_reason: byReason,
    avg_latency_ms: roundMsOf(summary.avgLatencyMs),
    p50_latency_ms: roundMsOf(summary.p50LatencyMs),
    p95_latency_ms: roundMsOf(summary.p95LatencyMs),
    sent_bytes: summary.sentBytes,
    received_bytes: summary.receivedBytes,
  };
}

function failuresOf(summary: ConnectionSummary): number {
  return summary.failures.reduce((sum, { count }) => sum + count, 0);
}

function reason(outcome: string, errno: string | undefined): string {
  return errno === undefined ? outcome : `${outcome} (${errno})`;
}

function summaryText(summary: ConnectionSummary, subject: string, seconds: number): string {
  const { avgLatencyMs, p50LatencyMs, p95LatencyMs } = summary;
  const failed = summary.failures
    .map(({ outcome, errno, count }) => `${count} ${reason(outcome, errno)}`)
    .join(", ");
  const latency =
    avgLatencyMs === undefined
      ? "no latency is known"
      : `latency avg ${formatMs(avgLatencyMs)}, p50 ${formatMs(p50LatencyMs ?? avgLatencyMs)}, p95 ${formatMs(p95LatencyMs ?? avgLatencyMs)}`;
  return `${subject}, last ${roundMs(seconds)} s: ${plural(summary.attempts, "attempt")}, ${summary.successes} successful, ${summary.inProgress} in progress, ${failuresOf(summary)} failed${failed === "" ? "" : ` (${failed})`}; ${latency}; ${formatBytes(summary.sentBytes)} sent, ${formatBytes(summary.receivedBytes)} received.`;
}
