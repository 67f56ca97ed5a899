/** explain_failures: what went wrong in a window, grouped by cause, in plain words. */
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { formatMs, plural } from "../../sinks/quantity.ts";
import type { CallFailures, ConnectionFailures, Failures } from "../../store/types.ts";
import { answer, fitLines } from "../answer.ts";
import { callCause, connectionCause, destinationOf } from "../causes.ts";
import { MAX_ANSWER_CHARS, MAX_FAILURE_GROUPS } from "../limits.ts";
import { callShape, shapeCall, statusShape } from "../shapes.ts";
import { isoTime } from "../when.ts";
import { MAX_DURATION_S } from "./connections.ts";
import { HEARD, READ_ONLY, type ToolContext } from "./tool.ts";

const input = z.object({
  duration: z
    .number()
    .positive()
    .max(MAX_DURATION_S)
    .default(3600)
    .describe("how far back, in seconds"),
});

const group = {
  cause: z.string().describe("in plain words"),
  next: z.string().optional().describe("what to look at"),
  count: z.int(),
  first_at: z.string(),
  last_at: z.string(),
};

const callGroup = z.object({
  ...group,
  server: z.string(),
  method: z.string(),
  target: z.string().optional(),
  status: statusShape,
  error_code: z.int().optional(),
  error: z.string().optional(),
  example_call: z.string().describe("the newest of them, for get_call"),
});

const connectionGroup = z.object({
  ...group,
  command: z.string().optional(),
  destination: z.string(),
  protocol: z.enum(["tcp", "udp", "unix"]),
  outcome: z.string(),
  errno: z.string().optional(),
});

const output = z.object({
  since: z.string(),
  calls: z.int().describe("in the window, failed or not"),
  connections: z.int(),
  failing_calls: z.array(callGroup),
  more_failing_calls: z.int().describe("groups left out"),
  failing_connections: z.array(connectionGroup),
  more_failing_connections: z.int().describe("groups left out"),
  slowest: z.array(callShape).describe("that ended well, and took longest"),
  waiting: z.array(callShape).describe("without an answer until now, oldest first"),
});

export function registerExplainFailures(server: McpServer, { history, nowMs }: ToolContext): void {
  server.registerTool(
    "explain_failures",
    {
      title: "Explain what fails and what is slow",
      description: `Groups the failing calls and connections of a window by cause, in plain words, and names the slowest calls and those that wait for an answer. Begin here when something is slow or failing. ${HEARD}`,
      inputSchema: input,
      outputSchema: output,
      annotations: READ_ONLY,
    },
    ({ duration }) => {
      const sinceMs = nowMs() - duration * 1000;
      const found = history.failures({ sinceMs, untilMs: undefined, limit: MAX_FAILURE_GROUPS });
      return answer(shapeFailures(found, sinceMs), fitLines(failureLines(found, sinceMs)));
    },
  );
}

function shapeFailures(found: Failures, sinceMs: number): z.infer<typeof output> {
  const calls = fitting(found.callFailures.map(shapeCallGroup));
  const connections = fitting(found.connectionFailures.map(shapeConnectionGroup));
  return {
    since: isoTime(sinceMs),
    calls: found.calls,
    connections: found.connections,
    failing_calls: calls,
    more_failing_calls: found.moreCallFailures + found.callFailures.length - calls.length,
    failing_connections: connections,
    more_failing_connections:
      found.moreConnectionFailures + found.connectionFailures.length - connections.length,
    slowest: found.slowest.map(shapeCall),
    waiting: found.waiting.map(shapeCall),
  };
}

/** Those that fit into a third of an answer: calls, connections and examples share it. */
function fitting<Shape>(shapes: readonly Shape[]): Shape[] {
  let chars = 0;
  const kept: Shape[] = [];
  for (const shape of shapes) {
    chars += JSON.stringify(shape).length + 1;
    if (chars > MAX_ANSWER_CHARS / 3) break;
    kept.push(shape);
  }
  return kept;
}

function shapeCallGroup(failures: CallFailures): z.infer<typeof callGroup> {
  return {
    ...callCause(failures),
    count: failures.count,
    first_at: isoTime(failures.firstMs),
    last_at: isoTime(failures.lastMs),
    server: failures.serverName,
    method: failures.method,
    target: failures.target,
    status: failures.status,
    error_code: failures.errorCode,
    error: failures.errorText,
    example_call: failures.exampleId,
  };
}

function shapeConnectionGroup(failures: ConnectionFailures): z.infer<typeof connectionGroup> {
  return {
    ...connectionCause(failures),
    count: failures.count,
    first_at: isoTime(failures.firstMs),
    last_at: isoTime(failures.lastMs),
    command: failures.comm,
    destination: destinationOf(failures),
    protocol: failures.protocol,
    outcome: failures.outcome,
    errno: failures.errno,
  };
}

function failureLines(found: Failures, sinceMs: number): string[] {
  const calls = found.callFailures.map((failures) => {
    const name = failures.target ?? failures.method;
    return `${failures.count} × ${failures.serverName} ${name}: ${callCause(failures).cause} E.g. ${failures.exampleId}.`;
  });
  const connections = found.connectionFailures.map(
    (failures) => `${failures.count} × ${failures.comm ?? "?"}: ${connectionCause(failures).cause}`,
  );
  const waiting = found.waiting.map(
    (call) =>
      `Waiting since ${isoTime(call.startMs)}: ${call.serverName} ${call.target ?? call.method} (${call.id}).`,
  );
  const [slowest] = found.slowest;
  const slow =
    slowest?.durationMs === undefined
      ? []
      : [
          `Slowest: ${slowest.serverName} ${slowest.target ?? slowest.method}, ${formatMs(slowest.durationMs)} (${slowest.id}).`,
        ];
  const nothing = calls.length + connections.length + waiting.length === 0;
  return [
    `Since ${isoTime(sinceMs)}: ${plural(found.calls, "call")}, ${plural(found.connections, "connection")}.`,
    ...(nothing
      ? ["Nothing failed, as far as was heard; get_coverage tells how far that is."]
      : []),
    ...calls,
    ...connections,
    ...waiting,
    ...slow,
  ];
}
