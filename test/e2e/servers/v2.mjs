/**
 * A small server by the second generation of the official TypeScript SDK, both protocol eras.
 * Its tools bear the names of server-everything's, so that one exercise fits both.
 * Asking the client (sampling, elicitation, roots) is written once: as `input_required` in the
 * modern era, by the SDK's shim as real server-to-client requests in the legacy one.
 *   server [--log FILE] [--name NAME] [--port PORT] [--tls DIRECTORY]   with a port: over HTTP
 * --tls: over HTTPS, with the key.pem and certificate.pem of that directory.
 */
import { readFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, inputRequired, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { recorded } from "../http/record.mjs";
import { recordSelf } from "../truth.mjs";

const { values } = parseArgs({
  options: { log: { type: "string" }, name: { type: "string", default: "v2-server" }, port: { type: "string" }, tls: { type: "string" } },
});
if (values.log !== undefined) recordSelf(values.log);

const text = (value) => ({ content: [{ type: "text", text: value }] });

/** A tool that first asks the client one thing, then tells what it was given. */
function askingTool(server, tool, inputSchema, request) {
  server.registerTool(tool, { description: tool, inputSchema }, async (args, ctx) => {
    const answer = ctx.mcpReq.inputResponses?.answer;
    if (answer === undefined) return inputRequired({ inputRequests: { answer: request(args) } });
    return text(JSON.stringify(answer));
  });
}

async function longRunning({ duration, steps }, ctx) {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  for (let step = 1; step <= steps; step++) {
    await new Promise((next) => setTimeout(next, (duration * 1000) / steps));
    if (progressToken === undefined) continue;
    await ctx.mcpReq.notify({
      method: "notifications/progress",
      params: { progressToken, progress: step, total: steps },
    });
  }
  return text(`done in ${steps} steps`);
}

function makeServer() {
  const server = new McpServer(
    { name: values.name, version: "1.0.0" },
    { capabilities: { logging: {}, tools: {}, resources: {}, prompts: {} } },
  );
  const noArguments = z.object({});
  server.registerTool("echo", { description: "echo", inputSchema: z.object({ message: z.string() }) }, async ({ message }) =>
    text(`Echo: ${message}`),
  );
  server.registerTool(
    "get-sum",
    { description: "a + b", inputSchema: z.object({ a: z.number(), b: z.number() }) },
    async ({ a, b }) => text(String(a + b)),
  );
  server.registerTool(
    "trigger-long-running-operation",
    { description: "slow", inputSchema: z.object({ duration: z.number(), steps: z.number() }) },
    longRunning,
  );
  server.registerTool("toggle-simulated-logging", { description: "logs", inputSchema: noArguments }, async (_args, ctx) => {
    await ctx.mcpReq.log("info", { said: "ünï", level: 1 }, "v2");
    return text("logged");
  });
  askingTool(server, "trigger-sampling-request", z.object({ prompt: z.string(), maxTokens: z.number() }), (args) =>
    inputRequired.createMessage({
      messages: [{ role: "user", content: { type: "text", text: args.prompt } }],
      maxTokens: args.maxTokens,
    }),
  );
  askingTool(server, "trigger-elicitation-request", noArguments, () =>
    inputRequired.elicit({ message: "Who are you?", requestedSchema: z.object({ name: z.string() }) }),
  );
  askingTool(server, "get-roots-list", noArguments, () => inputRequired.listRoots());
  server.registerResource("note", "test://note", { mimeType: "text/plain" }, async (uri) => ({
    contents: [{ uri: uri.href, text: "a note" }],
  }));
  server.registerPrompt("greet", { description: "greets" }, () => ({
    messages: [{ role: "user", content: { type: "text", text: "Hello" } }],
  }));
  return server;
}

function serveHttp(port) {
  const handler = createMcpHandler(makeServer);
  const hostname = "127.0.0.1";
  const file = (name) => readFileSync(join(values.tls, name));
  // seconds: tests of what was open before have overhear start meanwhile
  const idleTimeout = 60;
  const tls = values.tls && { key: file("key.pem"), cert: file("certificate.pem") };
  if (typeof Bun !== "undefined") {
    Bun.serve({ port, hostname, fetch: recorded((request) => handler.fetch(request)), ...(tls && { tls, idleTimeout }) });
    return;
  }
  const answer = toNodeHandler(handler);
  (tls ? createTlsServer(tls, answer) : createServer(answer)).listen(port, hostname);
}

if (values.port === undefined) serveStdio(makeServer);
else serveHttp(Number(values.port));
