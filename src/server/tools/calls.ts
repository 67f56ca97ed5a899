/** list_calls: requests with how they ended, how long they took and how much they caused. */
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { CallFilter, CallStatus } from "../../store/types.ts";
import { answer, fitLines, fitPage } from "../answer.ts";
import { callLine } from "../lines.ts";
import { callShape, STATUSES, shapeCall } from "../shapes.ts";
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

const input = z.object({
  session: z.string().max(256).optional().describe("id of a session"),
  server: z.string().max(256).optional().describe("text within the server's name"),
  tool: z.string().max(256).optional().describe("name of a tool (or prompt, or URI of a resource)"),
  method: z.string().max(256).optional().describe("e.g. tools/call"),
  status: z
    .enum([...STATUSES, "failed"])
    .optional()
    .describe("failed: any of error, tool_error, cancelled, unanswered"),
  since: sinceInput,
  min_duration: z.number().min(0).optional().describe("only calls that took so many ms or more"),
  host: z
    .string()
    .max(256)
    .optional()
    .describe("only calls that opened a connection to this host name or address"),
  limit: limitInput,
  cursor: cursorInput,
});

const output = z.object({ calls: z.array(callShape), next_cursor: nextCursor });

const FAILED: readonly CallStatus[] = ["error", "tool_error", "cancelled", "unanswered"];

export function registerListCalls(server: McpServer, { history, nowMs }: ToolContext): void {
  server.registerTool(
    "list_calls",
    {
      title: "List MCP calls",
      description: `Lists requests that were heard, newest first: tool, outcome, duration, error, and how many programs, connections and file changes each caused. get_call tells all of one. ${HEARD}`,
      inputSchema: input,
      outputSchema: output,
      annotations: READ_ONLY,
    },
    (asked) => {
      const filter: CallFilter = {
        sessionId: asked.session,
        server: asked.server,
        target: asked.tool,
        method: asked.method,
        statuses: statusesOf(asked.status),
        sinceMs: sinceOf(asked.since, nowMs()),
        minDurationMs: asked.min_duration,
        reachedHost: asked.host,
      };
      const page = history.calls(filter, pageOf(asked));
      const { shapes, nextCursor } = fitPage(page, shapeCall);
      const lines = page.items.slice(0, shapes.length).map(callLine);
      const text = lines.length === 0 ? "No call matches." : fitLines(lines);
      return answer({ calls: shapes, next_cursor: nextCursor }, text);
    },
  );
}

function statusesOf(status: CallStatus | "failed" | undefined): readonly CallStatus[] | undefined {
  if (status === undefined) return undefined;
  return status === "failed" ? FAILED : [status];
}
