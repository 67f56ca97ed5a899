/** A client by the first generation of the official TypeScript SDK; runs under Node and Bun. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResultSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { askCounter, clientArguments } from "./arguments.mjs";
import { exercise } from "./exercise.mjs";

const { transport: made, options, name, leave } = clientArguments();
const transport = made({
  Stdio: StdioClientTransport,
  StreamableHttp: StreamableHTTPClientTransport,
  Sse: SSEClientTransport,
});
const asks = askCounter();
const client = new Client(
  { name: name ?? "v1-client", version: "1.32.2" },
  { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } },
);
client.setRequestHandler(CreateMessageRequestSchema, async () => asks.answer("sampling"));
client.setRequestHandler(ElicitRequestSchema, async () => asks.answer("elicitation"));
client.setRequestHandler(ListRootsRequestSchema, async () => asks.answer("roots"));

await client.connect(transport);
await exercise(
  {
    capabilities: () => client.getServerCapabilities() ?? {},
    asked: asks.asked,
    listTools: () => client.listTools(),
    call: (tool, args, more) => client.callTool({ name: tool, arguments: args }, CallToolResultSchema, more),
    request: (method, params) => client.request({ method, params }, ResultSchema),
    listResources: () => client.listResources(),
    readResource: (uri) => client.readResource({ uri }),
    listResourceTemplates: () => client.listResourceTemplates(),
    listPrompts: () => client.listPrompts(),
    getPrompt: (prompt) => client.getPrompt({ name: prompt }),
    setLogLevel: async (level) => {
      if (client.getServerCapabilities()?.logging) await client.setLoggingLevel(level);
    },
    nextLog: () =>
      new Promise((heard) => client.setNotificationHandler(LoggingMessageNotificationSchema, () => heard())),
  },
  options,
);
await client.ping();
await transport.terminateSession?.();
await client.close();
leave();
