/** list_sessions: who talks MCP to whom on this host. */
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { answer, fitLines, fitPage } from "../answer.ts";
import { sessionLine } from "../lines.ts";
import { sessionShape, shapeSession } from "../shapes.ts";
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
  server: z.string().max(256).optional().describe("text within the server's name or command line"),
  client: z.string().max(256).optional().describe("text within the client's name or command line"),
  transport: z.enum(["stdio", "http"]).optional(),
  open: z.boolean().optional().describe("true: only those that are open; false: only ended ones"),
  since: sinceInput,
  limit: limitInput,
  cursor: cursorInput,
});

const output = z.object({ sessions: z.array(sessionShape), next_cursor: nextCursor });

export function registerListSessions(server: McpServer, { history, nowMs }: ToolContext): void {
  server.registerTool(
    "list_sessions",
    {
      title: "List MCP sessions",
      description: `Lists the conversations between MCP clients and servers that were heard on this host, newest first: who, over what, since when, how many calls, how many failed. ${HEARD}`,
      inputSchema: input,
      outputSchema: output,
      annotations: READ_ONLY,
    },
    (asked) => {
      const filter = {
        server: asked.server,
        client: asked.client,
        transport: asked.transport,
        isOpen: asked.open,
        sinceMs: sinceOf(asked.since, nowMs()),
      };
      const page = history.sessions(filter, pageOf(asked));
      const { shapes, nextCursor } = fitPage(page, shapeSession);
      const lines = page.items.slice(0, shapes.length).map(sessionLine);
      const text = lines.length === 0 ? "No session matches." : fitLines(lines);
      return answer({ sessions: shapes, next_cursor: nextCursor }, text);
    },
  );
}
