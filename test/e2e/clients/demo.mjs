/**
 * The client of `make demo`: the official SDK, a few calls at a pace that a person can follow, one of them
 * refused. Arguments: the server's command.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: "demo-client", version: "1.0.0" }, { capabilities: {} });
await client.connect(new StdioClientTransport({ command, args, env: process.env, stderr: "ignore" }));
const steps = [
  () => client.listTools(),
  () => client.callTool({ name: "echo", arguments: { message: "who is listening?" } }),
  () => client.callTool({ name: "get-sum", arguments: { a: 19, b: 23 } }),
  () => client.callTool({ name: "get-structured-content", arguments: { location: "New York" } }),
  () => client.readResource({ uri: "demo://no-such-resource" }).catch(() => undefined),
  () => client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 1, steps: 2 } }),
  () => client.ping(),
];
for (const step of steps) {
  await step();
  await pause(300);
}
await client.close();
