/**
 * A stateful server by the first generation of the official SDK: Streamable HTTP with sessions, event ids and
 * resumption, over node:http.
 *   v1.mjs --port PORT [--json] [--gzip] [--tls DIRECTORY]
 * --json answers with one JSON body where the SDK would open a stream; --gzip compresses what clients accept so.
 * --tls: over node:https, with the key.pem and certificate.pem of that directory.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createGzip } from "node:zlib";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    json: { type: "boolean", default: false },
    gzip: { type: "boolean", default: false },
    tls: { type: "string" },
  },
});

const text = (value) => ({ content: [{ type: "text", text: value }] });

/** Keeps each stream's events in order, so that a client may resume after any of them. */
class EventStore {
  #events = [];

  async storeEvent(stream, message) {
    this.#events.push({ stream, message });
    return String(this.#events.length);
  }

  async replayEventsAfter(lastEventId, { send }) {
    const { stream } = this.#events[Number(lastEventId) - 1];
    for (const [index, event] of this.#events.entries()) {
      const isLater = index >= Number(lastEventId) && event.stream === stream;
      if (isLater && event.message.jsonrpc !== undefined) await send(String(index + 1), event.message);
    }
    return stream;
  }
}

function makeServer() {
  const server = new McpServer(
    { name: "v1-server", version: "1.0.0" },
    { capabilities: { logging: {}, tools: {}, resources: {}, prompts: {} } },
  );
  server.registerTool("echo", { inputSchema: { message: z.string() } }, async ({ message }) => text(`Echo: ${message}`));
  server.registerTool("get-sum", { inputSchema: { a: z.number(), b: z.number() } }, async ({ a, b }) => text(String(a + b)));
  // As many characters as asked for, two bytes each.
  server.registerTool("large", { inputSchema: { length: z.number() } }, async ({ length }) => text("ä".repeat(length)));
  // One JSON body has no place for what comes before the answer.
  if (!values.json) {
    server.registerTool(
      "trigger-long-running-operation",
      { inputSchema: { duration: z.number(), steps: z.number() } },
      async ({ duration, steps }, extra) => {
        const progressToken = extra._meta?.progressToken;
        for (let step = 1; step <= steps; step++) {
          await new Promise((next) => setTimeout(next, (duration * 1000) / steps));
          if (progressToken === undefined) continue;
          const params = { progressToken, progress: step, total: steps };
          await extra.sendNotification({ method: "notifications/progress", params });
        }
        return text(`done in ${steps} steps`);
      },
    );
    server.registerTool(
      "trigger-sampling-request",
      { inputSchema: { prompt: z.string(), maxTokens: z.number() } },
      async ({ prompt, maxTokens }, extra) => {
        const messages = [{ role: "user", content: { type: "text", text: prompt } }];
        const params = { messages, maxTokens };
        const answer = await extra.sendRequest({ method: "sampling/createMessage", params }, z.looseObject({}));
        return text(JSON.stringify(answer));
      },
    );
  }
  // Asked on the client's GET stream.
  server.registerTool("trigger-elicitation-request", { inputSchema: {} }, async () => {
    const requestedSchema = { type: "object", properties: { name: { type: "string" } } };
    return text(JSON.stringify(await server.server.elicitInput({ message: "Who are you?", requestedSchema })));
  });
  server.registerResource("note", "test://note", { mimeType: "text/plain" }, async (uri) => ({
    contents: [{ uri: uri.href, text: "a note" }],
  }));
  server.registerPrompt("greet", {}, () => ({ messages: [{ role: "user", content: { type: "text", text: "Hello" } }] }));
  return server;
}

const transports = new Map();

async function transportFor(request) {
  const known = transports.get(request.headers["mcp-session-id"]);
  if (known !== undefined || request.headers["mcp-session-id"] !== undefined) return known;
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: values.json,
    ...(values.json ? {} : { eventStore: new EventStore() }),
    onsessioninitialized: (id) => transports.set(id, transport),
    onsessionclosed: (id) => transports.delete(id),
  });
  await makeServer().connect(transport);
  return transport;
}

/** Compresses what is written into the answer; Node's own calls are put back for the compressed bytes. */
function compress(response) {
  const { write, end, writeHead } = response;
  const gzip = createGzip();
  gzip.on("data", (chunk) => write.call(response, chunk)).on("end", () => end.call(response));
  response.writeHead = (status, headers) => {
    if (status === 202) {
      Object.assign(response, { write, end }); // there is no body
      return writeHead.call(response, status, headers);
    }
    const { "content-length": _, "Content-Length": __, ...kept } = headers ?? {};
    return writeHead.call(response, status, { ...kept, "content-encoding": "gzip" });
  };
  response.write = (chunk) => gzip.write(chunk);
  response.end = (chunk) => {
    if (typeof chunk === "string" || chunk instanceof Uint8Array) gzip.end(chunk);
    else gzip.end();
    return response;
  };
}

/** What a server in trouble answers, by path: for the tests of what is no JSON-RPC. */
const TROUBLES = {
  "/401": [401, { "www-authenticate": "Bearer" }, ""],
  "/500": [500, { "content-type": "text/html" }, "<h1>Internal Server Error</h1>"],
  "/html": [200, { "content-type": "text/html" }, "<h1>It works!</h1>"],
};

async function answer(request, response) {
  const trouble = TROUBLES[request.url.replace("/mcp", "")];
  if (trouble !== undefined) {
    const [status, headers, body] = trouble;
    request.resume().on("end", () => response.writeHead(status, headers).end(body));
    return;
  }
  const transport = await transportFor(request);
  if (transport === undefined) {
    const error = { code: -32001, message: "Session not found" };
    response.writeHead(404, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", error, id: null }));
    return;
  }
  const accepted = String(request.headers["accept-encoding"] ?? "");
  if (values.gzip && accepted.includes("gzip") && request.method === "POST") compress(response);
  await transport.handleRequest(request, response);
}

/** A connection that is not used stays for a minute: tests of what was open before have overhear start meanwhile. */
const KEPT_MS = 60_000;

function listener() {
  if (values.tls === undefined) return createServer(answer);
  const [key, cert] = ["key.pem", "certificate.pem"].map((name) => readFileSync(join(values.tls, name)));
  return createTlsServer({ key, cert, keepAliveTimeout: KEPT_MS }, answer);
}

listener().listen(Number(values.port), "127.0.0.1");
