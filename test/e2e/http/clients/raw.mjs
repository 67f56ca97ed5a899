/**
 * A client without an SDK: one POST after the other, by fetch or by node:http.
 *   raw.mjs --url URL… [--by fetch|http] [--calls N] [--wait FILE] [--connections N] [--name NAME] [--size N]
 *           [--send N] [--chunked]
 * --connections: as many clients at once, each a session with its calls; of several URLs each takes the next. --wait: all
 * are connected, then they wait. --size: asks for answers of so many bytes. --send: sends so many, and gets them back.
 * --chunked: by http, sends bodies in pieces, of which nobody says how many.
 */
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { parseArgs } from "node:util";
import { createGunzip } from "node:zlib";

const { values } = parseArgs({
  options: {
    url: { type: "string", multiple: true },
    by: { type: "string", default: "fetch" },
    calls: { type: "string", default: "23" },
    connections: { type: "string", default: "1" },
    wait: { type: "string" },
    name: { type: "string", default: "raw" },
    size: { type: "string" },
    send: { type: "string" },
    chunked: { type: "boolean", default: false },
  },
});

const HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };

async function byFetch(url, method, headers, body) {
  const response = await fetch(url, { method, headers, body });
  const session = response.headers.get("mcp-session-id");
  return { status: response.status, session, body: await response.text() };
}

const isTls = values.url[0].startsWith("https:");
const { request: requestBy, Agent } = isTls ? https : http;
const agent = new Agent({ keepAlive: true });

function byHttp(url, method, headers, body) {
  return new Promise((resolve, reject) => {
    const given = { ...headers, "accept-encoding": "gzip" };
    const request = requestBy(url, { method, headers: given, agent }, async (response) => {
      const isGzip = response.headers["content-encoding"] === "gzip";
      let text = "";
      for await (const chunk of isGzip ? response.pipe(createGunzip()) : response) text += chunk;
      resolve({ status: response.statusCode, session: response.headers["mcp-session-id"], body: text });
    });
    request.on("error", reject);
    if (values.chunked && body) sendInPieces(request, body);
    else request.end(body);
  });
}

/** Without a length Node sends chunks. Pieces that are there at once would be sent as one. */
async function sendInPieces(request, body) {
  const bytes = Buffer.from(body);
  const third = Math.ceil(bytes.length / 3);
  for (let at = 0; at < 2 * third; at += third) {
    request.write(bytes.subarray(at, at + third));
    await new Promise((next) => setTimeout(next, 1));
  }
  request.end(bytes.subarray(2 * third));
}

function callOf(name, n) {
  if (values.size !== undefined) return { name: "large", arguments: { length: Number(values.size) / 2 } };
  const text = `${name} ${n} ü 𝄞`;
  return { name: "echo", arguments: { message: text.padEnd(Number(values.send ?? 0), "0123456789") } };
}

const send = values.by === "http" ? byHttp : byFetch;

async function converse(name, url) {
  let session = {};
  const post = async (message) => {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    const answer = await send(url, "POST", { ...HEADERS, ...session }, text);
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
  if (values.wait !== undefined) await allHere();
  for (let n = 1; n <= Number(values.calls); n++) {
    const { body } = await post({ id: n, method: "tools/call", params: callOf(name, n) });
    if (!body.includes('"content"')) throw new Error(`call ${n}: ${body.slice(0, 300)}`);
  }
  if (opened.session) await send(url, "DELETE", session);
}

let here = 0;
let allMayGoOn;
const goOn = new Promise((resolve) => {
  allMayGoOn = resolve;
});

/** The last one to come waits for all. */
async function allHere() {
  if (++here === count) waitFor(values.wait).then(allMayGoOn);
  await goOn;
}

async function waitFor(file) {
  await writeFile(file, "waiting");
  while ((await readFile(file, "utf8")) !== "go") await new Promise((next) => setTimeout(next, 20));
}

const count = Number(values.connections);
const names = Array.from({ length: count }, (_, n) => (count === 1 ? values.name : `${values.name}-${n}`));
await Promise.all(names.map((name, n) => converse(name, values.url[n % values.url.length])));
agent.destroy();
process.stderr.write("client: tools/call\n");
process.exit(0); // fetch keeps idle connections for seconds
