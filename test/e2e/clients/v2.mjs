/** A client by the second generation of the official TypeScript SDK, in either protocol era. */
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { z } from "zod";
import { askCounter, clientArguments } from "./arguments.mjs";
import { exercise } from "./exercise.mjs";

const MODES = { legacy: "legacy", auto: "auto", modern: { pin: "2026-07-28" } };

const { transport: made, options, name, mode, leave } = clientArguments();
const transport = made({
  Stdio: StdioClientTransport,
  StreamableHttp: StreamableHTTPClientTransport,
  Sse: SSEClientTransport,
});
const asks = askCounter();
const client = new Client(
  { name: name ?? "v2-client", version: "2.4.0" },
  {
    capabilities: { sampling: {}, elicitation: {}, roots: {} },
    versionNegotiation: { mode: MODES[mode] },
  },
);
client.setRequestHandler("sampling/createMessage", async () => asks.answer("sampling"));
client.setRequestHandler("elicitation/create", async () => asks.answer("elicitation"));
client.setRequestHandler("roots/list", async () => asks.answer("roots"));

await client.connect(transport);
const modern = client.getNegotiatedProtocolVersion?.() === "2026-07-28";
// The modern era has no logging/setLevel: each request asks for its logs itself.
let logLevel;
const withLogs = (params) =>
  logLevel === undefined ? params : { ...params, _meta: { "io.modelcontextprotocol/logLevel": logLevel } };
await exercise(
  {
    capabilities: () => client.getServerCapabilities() ?? {},
    asked: asks.asked,
    listTools: () => client.listTools(undefined, { cacheMode: "refresh" }),
    call: (tool, args, more) => client.callTool(withLogs({ name: tool, arguments: args }), more),
    request: (method, params) => client.request({ method, params }, z.looseObject({})),
    listResources: () => client.listResources(undefined, { cacheMode: "refresh" }),
    readResource: (uri) => client.readResource({ uri }, { cacheMode: "refresh" }),
    listResourceTemplates: () => client.listResourceTemplates(undefined, { cacheMode: "refresh" }),
    listPrompts: () => client.listPrompts(undefined, { cacheMode: "refresh" }),
    getPrompt: (prompt) => client.getPrompt({ name: prompt }),
    setLogLevel: async (level) => {
      if (modern) logLevel = level;
      else if (client.getServerCapabilities()?.logging) await client.setLoggingLevel(level);
    },
    nextLog: () => new Promise((heard) => client.setNotificationHandler("notifications/message", () => heard())),
  },
  options,
);
await transport.terminateSession?.();
await client.close();
leave();
