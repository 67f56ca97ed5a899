/**
 * A client without an SDK: one POST after the other, by fetch or by node:http.
 *   raw.mjs --url URL [--by fetch|http] [--calls N] [--wait FILE] [--connections N] [--name NAME] [--size N]
 * --connections: as many clients at once, each a session with its calls. --size: asks for answers of so many bytes.
 */
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import { parseArgs } from "node:util";
import { createGunzip } from "node:zlib";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    by: { type: "string", default: "fetch" },
    calls: { type: "string", default: "23" },
    connections: { type: "string", default: "1" },
    wait: { type: "string" },
    name: { type: "string", default: "raw" },
    size: { type: "string" },
  },
});

const HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };

async function byFetch(method, headers, body) {
  const response = await fetch(values.url, { method, headers, body });
  const session = response.headers.get("mcp-session-id");
  return { status: response.status, session, body: await response.text() };
}

const agent = new http.Agent({ keepAlive: true });

function byHttp(method, headers, body) {
  return new Promise((resolve, reject) => {
    const given = { ...headers, "accept-encoding": "gzip" };
    const request = http.request(values.url, { method, headers: given, agent }, async (response) => {
      const isGzip = response.headers["content-encoding"] === "gzip";
      let text = "";
      for await (const chunk of isGzip ? response.pipe(createGunzip()) : response) text += chunk;
      resolve({ status: response.statusCode, session: response.headers["mcp-session-id"], body: text });
    });
    request.on("error", reject).end(body);
  });
}

const send = values.by === "http" ? byHttp : byFetch;

async function converse(name) {
  let session = {};
  const post = async (message) => {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    const answer = await send("POST", { ...HEADERS, ...session }, text);
    if (answer.status >= 300) throw new Error(`${message.method}: ${answer.status} ${answer.body}`);
    return answer;
  };
  const clientInfo = { name, version: "1.0.0" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const opened = await post({ id: 0, method: "initialize", params });
  session = { "mcp-protocol-version": "2025-06-18" };
  if (opened.session) session["mcp-session-id"] = opened.session;
  await post({ method: "notifications/initialized" });
  await post({ id: "tools", method: "tools/list" });
  if (values.wait !== undefined) await waitFor(values.wait);
  for (let n = 1; n <= Number(values.calls); n++) {
    const call =
      values.size === undefined
        ? { name: "echo", arguments: { message: `${name} ${n} ü 𝄞` } }
        : { name: "large", arguments: { length: Number(values.size) / 2 } };
    const { body } = await post({ id: n, method: "tools/call", params: call });
    if (!body.includes('"content"')) throw new Error(`call ${n}: ${body.slice(0, 300)}`);
  }
  if (opened.session) await send("DELETE", session);
}

async function waitFor(file) {
  await writeFile(file, "waiting");
  while ((await readFile(file, "utf8")) !== "go") await new Promise((next) => setTimeout(next, 20));
}

const count = Number(values.connections);
const names = Array.from({ length: count }, (_, n) => (count === 1 ? values.name : `${values.name}-${n}`));
await Promise.all(names.map(converse));
agent.destroy();
process.stderr.write("client: tools/call\n");
process.exit(0); // fetch keeps idle connections for seconds
