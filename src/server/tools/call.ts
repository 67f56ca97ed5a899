/** get_call: one exchange in full, with what it did to the system. */
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { CallDetail } from "../../store/types.ts";
import { answer, fitLines, refusal } from "../answer.ts";
import { effectShape, fitDetail, messageShape } from "../call-detail.ts";
import {
  DEFAULT_MESSAGE_CHARS,
  MAX_CALL_EFFECTS,
  MAX_CALL_MESSAGES,
  MAX_MESSAGE_CHARS,
} from "../limits.ts";
import { callLine, effectLine } from "../lines.ts";
import { callShape, sessionShape } from "../shapes.ts";
import { HEARD, READ_ONLY, type ToolContext } from "./tool.ts";

const input = z.object({
  id: z.string().max(256).describe("id of a call, as list_calls gives it"),
  max_chars: z
    .int()
    .min(100)
    .max(MAX_MESSAGE_CHARS)
    .default(DEFAULT_MESSAGE_CHARS)
    .describe("of each message's text"),
});

const output = z.object({
  call: callShape,
  session: sessionShape.optional(),
  messages: z.array(messageShape).describe("request, answer, and the notifications between them"),
  more_messages: z.int().describe("left out"),
  effects: z.array(effectShape).describe("what the server's processes did because of it"),
  more_effects: z.int().describe("left out"),
});

export function registerGetCall(server: McpServer, { history }: ToolContext): void {
  server.registerTool(
    "get_call",
    {
      title: "Get one MCP call",
      description: `Tells all of one call: what was sent, what was answered, how long each side took, which programs it ran, which hosts it reached and which files it changed. ${HEARD}`,
      inputSchema: input,
      outputSchema: output,
      annotations: READ_ONLY,
    },
    (asked) => {
      const found = history.call(asked.id, {
        maxMessages: MAX_CALL_MESSAGES,
        maxEffects: MAX_CALL_EFFECTS,
        maxChars: asked.max_chars,
      });
      if (found === undefined) {
        return refusal(`There is no call ${JSON.stringify(asked.id)}; list_calls gives ids.`);
      }
      return answer(fitDetail(found), fitLines(detailLines(found)));
    },
  );
}

function detailLines(detail: CallDetail): string[] {
  const messages = detail.messages.map(
    (message) => `${message.from} → ${message.to} ${message.type}: ${message.text}`,
  );
  return [
    callLine(detail.call),
    ...(detail.effects.length === 0 ? ["no effect is known"] : detail.effects.map(effectLine)),
    ...messages,
  ];
}
