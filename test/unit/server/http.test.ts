import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Changes } from "../../../src/server/changes.ts";
import { HttpHandler } from "../../../src/server/http/serve-http.ts";
import { serverFactory } from "../../../src/server/mcp-server.ts";
import { at, textAt } from "../../e2e/json.ts";
import { NOW_MS } from "./connect.ts";
import { connection, MemoryHistory, session } from "./memory-history.ts";

interface Setup {
  readonly hostname?: string;
  readonly token?: string;
  readonly history?: MemoryHistory;
}

function handler(setup: Setup = {}): HttpHandler {
  return setUp(setup).http;
}

function setUp({ hostname = "127.0.0.1", token, history = new MemoryHistory() }: Setup) {
  const changes = new Changes(history);
  const nowMs = () => NOW_MS;
  const http = new HttpHandler({
    hostname,
    port: 0,
    token,
    factory: serverFactory({ history, changes, nowMs, version: "1.2.3" }),
    plain: { history, nowMs },
    changes,
    nowMs,
    onError: () => undefined,
  });
  return { http, changes };
}

function post(
  body: string,
  headers: Readonly<Record<string, string>> = {},
  path = "/mcp",
): Request {
  const all = { host: "127.0.0.1:8080", "content-type": "application/json", ...headers };
  return new Request(`http://127.0.0.1:8080${path}`, { method: "POST", body, headers: all });
}

const MCP = { accept: "application/json, text/event-stream" };
const INITIALIZE = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "t", version: "1" },
  },
});

describe("the plain form of mcp-ebpf", () => {
  const now = NOW_MS - 1000;

  function some(): MemoryHistory {
    const history = new MemoryHistory();
    history.connectionRecords.push(
      connection(1, { startMs: now, latencyMs: 20 }),
      connection(2, { startMs: now, latencyMs: 26.8 }),
      connection(3, { pid: 301, startMs: now, direction: "accepted" }),
      connection(4, {
        pid: 302,
        comm: "psql",
        startMs: now,
        family: "inet6",
        remoteAddress: "2001:db8::1",
        remotePort: 5432,
        outcome: "refused",
        errno: "ECONNREFUSED",
        wasEstablished: false,
        latencyMs: undefined,
      }),
      connection(5, {
        pid: 302,
        startMs: now,
        family: "unix",
        protocol: "unix",
        remoteAddress: undefined,
        remotePort: undefined,
        path: "/run/x.sock",
        outcome: "in_progress",
        wasEstablished: false,
      }),
    );
    return history;
  }

  test.each([
    [
      { pid: 300, duration: 60 },
      { total_attempts: 2, avg_latency_ms: 23.4 },
    ],
    [
      { command: "curl", duration: 60 },
      { total_attempts: 3, avg_latency_ms: 22.267 },
    ],
    [{ command: "curl" }, { total_attempts: 3, avg_latency_ms: 22.267 }],
    [
      { command: "nobody", duration: 5 },
      { total_attempts: 0, avg_latency_ms: 0 },
    ],
  ])("get_connection_summary %p", async (params, result) => {
    const body = JSON.stringify({ method: "get_connection_summary", params });
    const response = await handler({ history: some() }).fetch(post(body));
    expect([response.status, await response.json()]).toEqual([200, { result }]);
  });

  test("list_connections maps pids to records with the names and types that mcp-ebpf has [server/plain]", async () => {
    const body = '{"method":"list_connections","params":{}}';
    const response = await handler({ history: some() }).fetch(post(body));
    expect(response.status).toBe(200);
    const note = "timestamp_ns is nanoseconds since boot, wall_time is converted to UTC";
    const { result } = Object(await response.json());
    expect(Object.keys(result)).toEqual(["300", "302"]);
    expect(result["300"][0]).toEqual({
      pid: 300,
      timestamp_ns: 5_000_000_001,
      return_code: 0,
      command: "curl",
      destination_ip: "93.184.216.34",
      destination_port: 443,
      destination: "93.184.216.34:443",
      address_family: 2,
      protocol: "TCP",
      socket_type: "STREAM",
      wall_time: "2026-11-20T12:59:59Z",
      note,
    });
    expect(result["302"]).toEqual([
      expect.objectContaining({
        return_code: -111,
        destination: "[2001:db8::1]:5432",
        address_family: 10,
      }),
      expect.objectContaining({
        return_code: -115,
        destination: "/run/x.sock",
        destination_ip: "",
        destination_port: 0,
        address_family: 1,
        protocol: "Unix",
      }),
    ]);
  });

  test.each([
    ["{", "not valid JSON"],
    ["", "not valid JSON"],
    ['{"method":"nonsense","params":{}}', 'unknown method "nonsense"'],
    ['{"params":{}}', '"method" is to be a text'],
    ['{"method":7}', '"method" is to be a text'],
    ['{"method":"get_connection_summary"}', "pid or command is needed"],
    ['{"method":"get_connection_summary","params":{"pid":"x"}}', "pid"],
    ['{"method":"get_connection_summary","params":{"pid":1,"duration":-1}}', "duration"],
    ['{"method":"get_connection_summary","params":[1]}', "bad params"],
    ['{"method":"list_connections","params":7}', "bad params"],
  ])("%s is 400 with an error in the plain form", async (body, words) => {
    const response = await handler().fetch(post(body, { "content-type": "text/plain" }));
    expect(response.status).toBe(400);
    expect(textAt(await response.json(), "error")).toContain(words);
  });
});

describe("callers that speak MCP", () => {
  test.each([
    ["{", -32700],
    ["", -32700],
  ])("are told in JSON-RPC that %p is no JSON", async (body, code) => {
    const response = await handler().fetch(post(body, MCP));
    expect(response.status).toBe(400);
    expect(at(await response.json(), "error", "code")).toBe(code);
  });

  test.each([
    ['{"jsonrpc":"2.0","id":1,"method":"tools/list"}'],
    ['{"method":"tools/list"}'],
    ["[]"],
    ["7"],
    ['{"jsonrpc":"1.0"}'],
    ['{"jsonrpc":"2.0","id":{},"method":7}'],
  ])("get an error of JSON-RPC for %s", async (body) => {
    const response = await handler().fetch(post(body, MCP));
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    expect(at(await response.json(), "error", "code")).toBeNumber();
  });

  test("get their answer from a session, and 404 once it has ended", async () => {
    const http = handler();
    const opened = await http.fetch(post(INITIALIZE, MCP));
    expect(opened.status).toBe(200);
    const id = opened.headers.get("mcp-session-id") ?? "";
    await opened.text();
    const headers = { ...MCP, "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" };
    await http.fetch(post('{"jsonrpc":"2.0","method":"notifications/initialized"}', headers));
    const listed = await http.fetch(
      post('{"jsonrpc":"2.0","id":2,"method":"tools/list"}', headers),
    );
    expect(await listed.text()).toContain("explain_failures");
    const url = "http://127.0.0.1:8080/mcp";
    const ended = await http.fetch(
      new Request(url, { method: "DELETE", headers: { ...headers, host: "127.0.0.1:8080" } }),
    );
    expect(ended.status).toBe(200);
    const after = await http.fetch(post('{"jsonrpc":"2.0","id":3,"method":"ping"}', headers));
    expect(after.status).toBe(404);
  });
});

describe("who may ask", () => {
  const body = '{"method":"list_connections","params":{}}';

  test.each([
    [{ host: "evil.example.com" }, 403],
    [{ host: "evil.example.com:8080" }, 403],
    [{ host: "127.0.0.1.evil.example.com:8080" }, 403],
    [{ host: "localhost:8080" }, 200],
    [{ host: "[::1]:8080" }, 200],
    [{ origin: "https://evil.example.com" }, 403],
    [{ origin: "null" }, 403],
    [{ origin: "http://127.0.0.1.evil.example.com" }, 403],
    [{ origin: "http://localhost:6274" }, 200],
    [{ origin: "http://127.0.0.1:8080" }, 200],
  ])("%p is answered with %d", async (headers, status) => {
    const response = await handler().fetch(post(body, headers));
    expect(response.status).toBe(status);
  });

  test.each([
    ["192.168.1.5", { host: "192.168.1.5:8080", authorization: "Bearer s3cret" }, 200],
    ["192.168.1.5", { host: "192.168.1.5:8080", authorization: "bearer  s3cret" }, 200],
    ["192.168.1.5", { host: "192.168.1.5:8080" }, 401],
    ["192.168.1.5", { host: "192.168.1.5:8080", authorization: "Bearer wrong" }, 401],
    ["192.168.1.5", { host: "192.168.1.5:8080", authorization: "Bearer s3cretx" }, 401],
    ["192.168.1.5", { host: "192.168.1.5:8080", authorization: "Basic s3cret" }, 401],
    ["192.168.1.5", { host: "evil.example.com", authorization: "Bearer s3cret" }, 403],
    ["0.0.0.0", { host: "box.example.com:8080", authorization: "Bearer s3cret" }, 200],
    [
      "0.0.0.0",
      { host: "box:1", origin: "https://evil.example.com", authorization: "Bearer s3cret" },
      403,
    ],
    ["127.0.0.1", { host: "127.0.0.1:8080" }, 401],
  ])(
    "with a token, at %s: %p is answered with %d [server/who-may-ask]",
    async (hostname, headers, status) => {
      const response = await handler({ hostname, token: "s3cret" }).fetch(post(body, headers));
      expect(response.status).toBe(status);
      if (status === 401) expect(response.headers.get("www-authenticate")).toContain("Bearer");
    },
  );

  test("other paths are not found", async () => {
    const response = await handler().fetch(post(body, {}, "/other"));
    expect(response.status).toBe(404);
  });

  test.each(["PUT", "PATCH", "OPTIONS", "GET", "DELETE"])(
    "%s without a session is refused",
    async (method) => {
      const request = new Request("http://127.0.0.1:8080/mcp", {
        method,
        headers: { host: "127.0.0.1:8080", ...MCP },
      });
      const response = await handler().fetch(request);
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
    },
  );
});

describe("bounds", () => {
  test.each([
    [{}, "bad request: the request is longer"],
    [MCP, "Invalid request: the request is longer"],
  ])(
    "a body of more than a megabyte is refused in the caller's form (%p)",
    async (headers, words) => {
      const body = `{"method":"list_connections","params":{"x":"${"x".repeat(1 << 20)}"}}`;
      const response = await handler().fetch(post(body, headers));
      expect(response.status).toBe(413);
      expect(JSON.stringify(await response.json())).toContain(words);
    },
  );

  test("sessions of clients that never come back are bounded", async () => {
    const http = handler();
    const ids: string[] = [];
    for (let count = 0; count < 520; count++) {
      const opened = await http.fetch(post(INITIALIZE, MCP));
      ids.push(opened.headers.get("mcp-session-id") ?? "");
      await opened.body?.cancel();
    }
    const ping = (id = "") =>
      http.fetch(
        post('{"jsonrpc":"2.0","id":3,"method":"ping"}', { ...MCP, "mcp-session-id": id }),
      );
    const oldest = await ping(ids[0]);
    expect(oldest.status).toBe(404);
    const newest = await ping(ids.at(-1));
    expect(newest.status).toBe(200);
    await http.close();
  });

  test("whatever comes, there is an answer, and never one of the 500s", async () => {
    const http = handler();
    const headerText = fc.stringMatching(/^[\x20-\x7e]{0,40}$/);
    const seeds = fc.constantFrom(
      INITIALIZE,
      '{"method":"get_connection_summary","params":{"pid":1}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_calls","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"a","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}',
    );
    const mutated = fc
      .tuple(seeds, fc.nat(400), fc.nat(40), fc.string({ maxLength: 20 }))
      .map(([seed, from, length, put]) => seed.slice(0, from) + put + seed.slice(from + length));
    const bodies = fc.oneof(fc.string({ maxLength: 400 }), fc.json(), seeds, mutated);
    await fc.assert(
      fc.asyncProperty(bodies, headerText, fc.boolean(), async (body, text, speaksMcp) => {
        const version = fc.sample(fc.constantFrom("2026-07-28", "2025-11-25", text), 1)[0] ?? "";
        const headers = speaksMcp ? { ...MCP, "mcp-protocol-version": version.trim() } : {};
        const response = await http.fetch(post(body, { ...headers, "mcp-name": text.trim() }));
        expect(response.status).toBeLessThan(500);
        await response.body?.cancel();
      }),
      { numRuns: 300 },
    );
    await http.close();
  });
});

test("a client of the modern era is told over its stream what it listens to", async () => {
  const history = new MemoryHistory();
  const { http, changes } = setUp({ history });
  const listen = {
    jsonrpc: "2.0",
    id: 5,
    method: "subscriptions/listen",
    params: {
      notifications: { resourcesListChanged: true },
      _meta: {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
      },
    },
  };
  const headers = {
    ...MCP,
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "subscriptions/listen",
  };
  const response = await http.fetch(post(JSON.stringify(listen), headers));
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toContain("notifications/subscriptions/acknowledged");
  history.revision = 1;
  history.sessionRecords.push(session(1));
  changes.look();
  expect((await reader?.read())?.value).toContain("notifications/resources/list_changed");
  await reader?.cancel();
  await http.close();
});
