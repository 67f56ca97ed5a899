/** A short conversation to look at: a client by the official SDK, at the pace of a person. Arguments: the server's URL, or its command. */
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema, CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const [command, ...args] = process.argv.slice(2);
const transport = URL.canParse(command)
  ? new StreamableHTTPClientTransport(new URL(command))
  : new StdioClientTransport({ command, args, stderr: "ignore" });
const client = new Client({ name: "demo-agent", version: "1.0.0" }, { capabilities: { sampling: {} } });
client.setRequestHandler(CreateMessageRequestSchema, async () => {
  await pause(250); // a model thinks
  return { role: "assistant", model: "demo", content: { type: "text", text: "Blue, on most days." } };
});

const call = (name, given, options) => client.callTool({ name, arguments: given }, CallToolResultSchema, options);

const steps = [
  () => client.connect(transport),
  () => client.listTools(),
  () => call("echo", { message: "Hello from a real client" }),
  () => call("get-sum", { a: 19, b: 23 }),
  () => call("get-sum", { a: "nineteen", b: 23 }),
  () => call("trigger-long-running-operation", { duration: 0.9, steps: 3 }, { onprogress: () => {} }),
  () => call("trigger-sampling-request", { prompt: "What colour is the sky?", maxTokens: 20 }),
  () => client.listResources(),
  () => client.getPrompt({ name: "args-prompt", arguments: { city: "Lisbon" } }),
  () => client.request({ method: "no/such_method" }, CallToolResultSchema).catch(() => {}),
];
for (const step of steps) {
  await step();
  await pause(250);
}
await transport.terminateSession?.();
await client.close();
process.exit(); // fetch keeps idle connections for seconds
