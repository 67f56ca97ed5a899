/** One host application with three servers: three sessions whose `initialize` messages are the same, byte for byte. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { clientArguments } from "./arguments.mjs";
import { CALLS } from "./exercise.mjs";

const { transport } = clientArguments();

async function converse() {
  const client = new Client({ name: "three", version: "1.0.0" });
  await client.connect(transport({ Stdio: StdioClientTransport }));
  for (let n = 0; n < CALLS; n++) await client.callTool({ name: "echo", arguments: { message: String(n) } });
  await client.close();
}

await Promise.all([converse(), converse(), converse()]);
