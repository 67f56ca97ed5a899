/**
 * The independent record of HTTP: loaded before any program (`node --import`, `bun --preload`), it notes each
 * JSON text that the program's own HTTP calls sent and received, as the program gave it or was given it, and
 * the end of each exchange, one JSON object per line in the file that OVERHEAR_RECORD names.
 *
 *   {"event":"message","ns":"…","self":pid,"exchange":n,"direction":"sent"|"received","side":"request"|"response","session":"…"|null,"text":"…"}
 *   {"event":"exchange","ns":"…","self":pid,"exchange":n,"role":"client"|"server","method":"POST","path":"/mcp","status":200,"session":"…"|null}
 *
 * Plain JavaScript, because Node 20 runs no TypeScript. Source of the framing: WHATWG HTML, 9.2.6 (event streams).
 */
import { appendFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { StringDecoder } from "node:string_decoder";
import zlib from "node:zlib";

const file = process.env.OVERHEAR_RECORD;
let exchanges = 0;

function note(entry) {
  const stamped = { ns: String(process.hrtime.bigint()), self: process.pid, ...entry };
  appendFileSync(file, `${JSON.stringify(stamped)}\n`);
}

/** Cuts an event stream into the data of its events; events without data are none. */
function eventCutter(take) {
  let rest = "";
  let data = [];
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
      if (line !== "") continue;
      const event = data.join("\n");
      data = [];
      if (event !== "") take(event);
    }
  };
}

function isJson(text) {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

const STREAMS = { gzip: zlib.createGunzip, deflate: zlib.createInflate, br: zlib.createBrotliDecompress };
const WHOLES = { gzip: zlib.gunzipSync, deflate: zlib.inflateSync, br: zlib.brotliDecompressSync };

/** Takes an event stream's chunks, `end` after the last; tells the JSON texts in it. */
function streamReader(coding, take) {
  const decoder = new StringDecoder("utf8");
  const event = eventCutter((text) => isJson(text) && take(text));
  const read = (chunk) => event(typeof chunk === "string" ? chunk : decoder.write(Buffer.from(chunk)));
  const inflate = STREAMS[coding]?.();
  if (inflate === undefined) return { chunk: read, end: () => {} };
  inflate.on("data", read);
  return { chunk: (chunk) => inflate.write(chunk), end: () => inflate.end() };
}

/** Takes a body's chunks, `end` after the last; tells the JSON text that it is, at once: the program may exit next. */
function wholeReader(coding, take) {
  const chunks = [];
  const end = () => {
    const bytes = Buffer.concat(chunks);
    const text = (WHOLES[coding]?.(bytes) ?? bytes).toString();
    if (isJson(text)) take(text);
  };
  return { chunk: (chunk) => chunks.push(Buffer.from(chunk)), end };
}

function bodyReader({ type, coding }, take) {
  return type?.includes("text/event-stream") ? streamReader(coding, take) : wholeReader(coding, take);
}

/** One exchange, seen from one end. */
class Exchange {
  #role;
  #id = ++exchanges;
  #session = null;
  #method;
  #path;

  constructor(role, method, path, session) {
    this.#role = role;
    this.#method = method;
    this.#path = path;
    this.#session = session ?? null;
  }

  request(head) {
    return bodyReader(head, (text) => this.#message("request", text));
  }

  response(status, session, head) {
    this.#session = session ?? this.#session;
    const { status: _, ...same } = { status, exchange: this.#id, role: this.#role };
    note({ event: "exchange", ...same, method: this.#method, path: this.#path, status, session: this.#session });
    return bodyReader(head, (text) => this.#message("response", text));
  }

  #message(side, text) {
    const direction = (side === "request") === (this.#role === "client") ? "sent" : "received";
    note({ event: "message", exchange: this.#id, direction, side, session: this.#session, text });
  }
}

function recordFetch() {
  const fetch = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const given = new Request(input, { ...init, signal: undefined, duplex: "half" });
    const url = new URL(given.url);
    const path = url.pathname + url.search;
    const exchange = new Exchange("client", given.method, path, given.headers.get("mcp-session-id"));
    const body = exchange.request({});
    body.chunk(typeof init?.body === "string" ? init.body : await given.text());
    body.end();
    const response = await fetch(input, init);
    const type = response.headers.get("content-type");
    const reader = exchange.response(response.status, response.headers.get("mcp-session-id"), { type });
    if (response.body === null) return response;
    const seen = new TransformStream({
      transform(chunk, out) {
        reader.chunk(chunk);
        out.enqueue(chunk);
      },
      flush: () => reader.end(),
    });
    const { status, statusText, headers } = response;
    const passed = new Response(response.body.pipeThrough(seen), { status, statusText, headers });
    Object.defineProperty(passed, "url", { value: response.url });
    return passed;
  };
}

/** Calls `see` with each chunk that Node's parser pushes into a message, and with null at its end. */
function watchPushes(incoming, reader) {
  const push = incoming.push.bind(incoming);
  incoming.push = (chunk, ...rest) => {
    if (chunk === null) reader.end();
    else reader.chunk(chunk);
    return push(chunk, ...rest);
  };
}

/** Calls the reader that `begin` makes with each chunk written into a message. */
function watchWrites(outgoing, begin) {
  let reader;
  const { write, end } = outgoing;
  outgoing.write = (chunk, ...rest) => {
    reader ??= begin();
    reader.chunk(chunk);
    return write.call(outgoing, chunk, ...rest);
  };
  outgoing.end = (chunk, ...rest) => {
    // Node's own end() writes through the original, never through the one above.
    reader ??= begin();
    if (typeof chunk === "string" || chunk instanceof Uint8Array) reader.chunk(chunk);
    reader.end();
    return end.call(outgoing, chunk, ...rest);
  };
}

function recordServer(request, response) {
  const exchange = new Exchange("server", request.method, request.url, request.headers["mcp-session-id"]);
  const coding = request.headers["content-encoding"];
  watchPushes(request, exchange.request({ coding }));
  let headers = {};
  const { writeHead } = response;
  response.writeHead = (status, ...rest) => {
    const given = typeof rest.at(-1) === "object" ? rest.at(-1) : {};
    const pairs = Array.isArray(given) ? [given].flat().flatMap((v, i, all) => (i % 2 ? [] : [[v, all[i + 1]]])) : Object.entries(given);
    headers = Object.fromEntries(pairs.map(([name, value]) => [String(name).toLowerCase(), String(value)]));
    return writeHead.call(response, status, ...rest);
  };
  const header = (name) => headers[name] ?? response.getHeader(name);
  watchWrites(response, () =>
    exchange.response(response.statusCode, header("mcp-session-id"), {
      type: header("content-type"),
      coding: header("content-encoding"),
    }),
  );
}

/** `module`: http or https, whose servers are no kin to each other. */
function recordHttpServers(module) {
  const { emit } = module.Server.prototype;
  module.Server.prototype.emit = function (event, ...args) {
    if (event === "request") recordServer(...args);
    return emit.call(this, event, ...args);
  };
}

function recordHttpClients(module) {
  const { request } = module;
  module.request = (...args) => {
    const outgoing = request(...args);
    const session = outgoing.getHeader("mcp-session-id");
    const exchange = new Exchange("client", outgoing.method, outgoing.path, session);
    watchWrites(outgoing, () => exchange.request({}));
    outgoing.prependListener("response", (incoming) => {
      const { "content-type": type, "content-encoding": coding, "mcp-session-id": given } = incoming.headers;
      watchPushes(incoming, exchange.response(incoming.statusCode, given, { type, coding }));
    });
    return outgoing;
  };
}

/** A web-standard handler whose requests and answers are recorded. */
function recordHandler(handler) {
  return async (request, ...rest) => {
    const url = new URL(request.url);
    const exchange = new Exchange("server", request.method, url.pathname + url.search, request.headers.get("mcp-session-id"));
    const body = exchange.request({});
    body.chunk(await request.clone().text());
    body.end();
    const response = await handler(request, ...rest);
    const type = response.headers.get("content-type");
    const reader = exchange.response(response.status, response.headers.get("mcp-session-id"), { type });
    if (response.body === null) return response;
    const seen = new TransformStream({
      transform(chunk, out) {
        reader.chunk(chunk);
        out.enqueue(chunk);
      },
      flush: () => reader.end(),
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(seen), { status, statusText, headers });
  };
}

/** The handler as it is where nothing is to be recorded. */
export const recorded = (handler) => (file === undefined ? handler : recordHandler(handler));

if (file !== undefined) {
  recordFetch();
  for (const module of [http, https]) {
    recordHttpServers(module);
    recordHttpClients(module);
  }
}
