/**
 * The plain request form of mcp-ebpf: {"method":…,"params":{…}} in; {"result":…}, or 400 with {"error":"…"}, out. Its field
 * names, their types and their notes are those of mcp-ebpf's README.
 */
import { constants } from "node:os";
import { z } from "zod";
import type { ConnectionRecord, History } from "../../store/types.ts";
import { authority } from "../shapes.ts";
import { MAX_DURATION_S } from "../tools/connections.ts";
import type { NowMs } from "../types.ts";
import { isoTime, roundMs } from "../when.ts";

export interface PlainParts {
  readonly history: History;
  readonly nowMs: NowMs;
}

const summaryParams = z
  .object({
    pid: z.int().min(1).max(4_294_967_295).optional(),
    command: z.string().min(1).max(256).optional(),
    duration: z.number().positive().max(MAX_DURATION_S).default(60),
  })
  .refine(({ pid, command }) => pid !== undefined || command !== undefined, {
    message: "pid or command is needed",
  });

const listParams = z.object({}).optional();

export function answerPlain(request: Record<string, unknown>, parts: PlainParts): Response {
  const { method, params } = request;
  switch (method) {
    case "get_connection_summary": {
      const parsed = summaryParams.safeParse(params ?? {});
      if (!parsed.success) return refusePlain(`bad params: ${issuesOf(parsed.error)}`);
      const { pid, command, duration } = parsed.data;
      const sinceMs = parts.nowMs() - duration * 1000;
      const summary = parts.history.connectionSummary({ pid, comm: command, sinceMs });
      return Response.json({
        result: {
          total_attempts: summary.attempts,
          avg_latency_ms: roundMs(summary.avgLatencyMs ?? 0),
        },
      });
    }
    case "list_connections": {
      const parsed = listParams.safeParse(params);
      if (!parsed.success) return refusePlain(`bad params: ${issuesOf(parsed.error)}`);
      return Response.json({ result: listByPid(parts.history) });
    }
    default:
      return refusePlain(
        typeof method === "string"
          ? `unknown method ${JSON.stringify(method.slice(0, 100))}: get_connection_summary and list_connections are known`
          : 'bad request: "method" is to be a text, e.g. "list_connections"',
      );
  }
}

export function refusePlain(error: string, status = 400): Response {
  return Response.json({ error }, { status });
}

function issuesOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ");
}

/** As many as mcp-ebpf kept would be without bound: the newest ones. */
const MAX_LISTED = 1000;

interface PlainRecord {
  readonly pid: number;
  readonly timestamp_ns: number;
  readonly return_code: number;
  readonly command: string;
  readonly destination_ip: string;
  readonly destination_port: number;
  readonly destination: string;
  readonly address_family: number;
  readonly protocol: string;
  readonly socket_type: string;
  readonly wall_time: string;
  readonly note: string;
}

/** Oldest first within a pid, as they happened. */
function listByPid(history: History): Record<string, PlainRecord[]> {
  const page = { before: undefined, limit: MAX_LISTED };
  const { items } = history.connections({ direction: "outgoing" }, page);
  const byPid: Record<string, PlainRecord[]> = {};
  for (const connection of items.toReversed()) {
    const { pid } = connection;
    if (pid === undefined) continue;
    byPid[pid] ??= [];
    byPid[pid].push(plainRecord(pid, connection));
  }
  return byPid;
}

const FAMILIES = { unix: 1, inet: 2, inet6: 10 } as const;

function plainRecord(pid: number, connection: ConnectionRecord): PlainRecord {
  const { remoteAddress, remotePort, path } = connection;
  return {
    pid,
    timestamp_ns: Math.round(connection.startNs),
    return_code: returnCode(connection),
    command: connection.comm ?? "",
    destination_ip: remoteAddress ?? "",
    destination_port: remotePort ?? 0,
    destination: path ?? authority(remoteAddress, remotePort) ?? "",
    address_family: FAMILIES[connection.family],
    protocol: connection.protocol === "unix" ? "Unix" : connection.protocol.toUpperCase(),
    socket_type: connection.socketType.toUpperCase(),
    wall_time: isoTime(Math.floor(connection.startMs / 1000) * 1000).replace(".000Z", "Z"),
    note: "timestamp_ns is nanoseconds since boot, wall_time is converted to UTC",
  };
}

/** What connect() came to: 0, or the negative errno; of one that is under way −EINPROGRESS. */
function returnCode({ outcome, errno, wasEstablished }: ConnectionRecord): number {
  if (wasEstablished || outcome === "established" || outcome === "closed") return 0;
  if (outcome === "in_progress") return -constants.errno.EINPROGRESS;
  const code = Object.entries(constants.errno).find(([name]) => name === errno)?.[1];
  return -(code ?? FALLBACK[outcome] ?? constants.errno.ECONNABORTED);
}

const FALLBACK: Readonly<Record<string, number>> = {
  refused: constants.errno.ECONNREFUSED,
  timed_out: constants.errno.ETIMEDOUT,
  unreachable: constants.errno.EHOSTUNREACH,
  abandoned: constants.errno.ECANCELED,
};
