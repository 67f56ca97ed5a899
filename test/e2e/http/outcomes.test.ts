/** What exchanges without an ordinary answer become: refusals, troubles, deleted sessions, mismatched headers, resumed streams. */
import { beforeAll, describe, expect, test } from "bun:test";
import { at, isObject, type JsonObject, parseObject, textAt } from "../json.ts";
import { Listener } from "../listener.ts";
import { titled } from "../programs.ts";
import { Workspace } from "../run-client.ts";
import { missingHttp } from "./programs.ts";
import { HttpServer } from "./server.ts";

const LIMIT_MS = 60_000;
const lacking = missingHttp([], "node");
const titledGroup = (title: string) => titled(title, lacking);
const JSON_TYPE = "application/json";
const ACCEPT = `${JSON_TYPE}, text/event-stream`;

/** Bun's fetch, the test itself as the client. */
async function send(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  message?: unknown,
): Promise<{ status: number; session: string | null; body: string }> {
  const response = await fetch(url, {
    method,
    headers: { accept: ACCEPT, ...headers },
    ...(message === undefined ? {} : { body: JSON.stringify(message) }),
  });
  const session = response.headers.get("mcp-session-id");
  return { status: response.status, session, body: await response.text() };
}

const post = (url: string, session: string | undefined, message: unknown, more = {}) => {
  const own = session === undefined ? {} : { "mcp-session-id": session };
  return send(url, "POST", { "content-type": JSON_TYPE, ...own, ...more }, message);
};

const request = (id: number, method: string, params: unknown = {}) => {
  return { jsonrpc: "2.0", id, method, params };
};
const HELLO = request(0, "initialize", {
  protocolVersion: "2025-06-18",
  capabilities: { elicitation: {} },
  clientInfo: { name: "outcomes", version: "1" },
});

async function open(url: string): Promise<string> {
  const { session } = await post(url, undefined, HELLO);
  if (session === null) throw new Error("the server gave no session");
  await post(url, session, { jsonrpc: "2.0", method: "notifications/initialized" });
  return session;
}

/** Starts the tool and a server, lets `talk` talk, gives the lines that name that server. */
async function hear(
  kind: "v1" | "v2",
  talk: (url: string) => Promise<void>,
): Promise<readonly JsonObject[]> {
  await using files = await Workspace.create();
  await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
  await using server = await HttpServer.start(kind, "node", files.file("server.jsonl"));
  await talk(server.url);
  const { lines } = await listener.stop();
  const pids = (line: JsonObject) => [
    at(line, "http_transport", "from_pid"),
    at(line, "http_transport", "to_pid"),
    at(line, "server", "pid"),
  ];
  return lines.filter((line) => pids(line).includes(server.pid));
}

const CALL_ID = 5;
const STEPS = 1_000;

/** The ids of an event stream's events, in order. */
const eventIds = (body: string) =>
  [...body.matchAll(/^id: (.+)$/gm)].map((match) => match[1] ?? "");

/** Resumes after the last event but two; gives how many events the server sent again. */
async function resume(url: string, session: string, ids: readonly string[]): Promise<number> {
  const abort = new AbortController();
  const headers = { accept: ACCEPT, "mcp-session-id": session, "last-event-id": ids.at(-3) ?? "" };
  const response = await fetch(url, { headers, signal: abort.signal });
  let body = "";
  for await (const text of textOf(response)) {
    body += text;
    if (body.includes('"result"') && body.endsWith("\n\n")) break;
  }
  abort.abort();
  return eventIds(body).length;
}

function textOf(response: Response): AsyncIterable<string> {
  if (response.body === null) throw new Error(`no body: ${response.status}`);
  return response.body.pipeThrough(new TextDecoderStream());
}

/** Opens the GET stream, has the server ask on it, answers by POST. */
async function answerOnGet(url: string, session: string): Promise<void> {
  const abort = new AbortController();
  const headers = { accept: "text/event-stream", "mcp-session-id": session };
  const stream = await fetch(url, { headers, signal: abort.signal });
  const tool = { name: "trigger-elicitation-request", arguments: {} };
  const called = post(url, session, request(6, "tools/call", tool));
  for await (const text of textOf(stream)) {
    const data = /^data: (\{.*)$/m.exec(text)?.[1];
    if (data === undefined) continue;
    const { id } = parseObject(data);
    const result = { action: "accept", content: { name: "Ada" } };
    await post(url, session, { jsonrpc: "2.0", id, result });
    break;
  }
  await called;
  abort.abort();
}

describe.skipIf(lacking !== undefined)(titledGroup("one session over HTTP"), () => {
  let lines: readonly JsonObject[] = [];
  let session = "";
  let resent = 0;
  beforeAll(async () => {
    lines = await hear("v1", async (url) => {
      session = await open(url);
      for (const trouble of ["401", "500", "html"]) {
        await post(`${url}/${trouble}`, session, request(1, "ping"));
      }
      await send(url, "PUT", { "mcp-session-id": session });
      await post(url, session, request(2, "ping"), { accept: JSON_TYPE });
      const long = {
        name: "trigger-long-running-operation",
        arguments: { duration: 1, steps: STEPS },
      };
      const params = { ...long, _meta: { progressToken: "token" } };
      const { body } = await post(url, session, request(CALL_ID, "tools/call", params));
      resent = await resume(url, session, eventIds(body));
      await answerOnGet(url, session);
      await send(url, "DELETE", { "mcp-session-id": session });
      await post(url, session, request(7, "ping"));
    });
  }, LIMIT_MS);

  const of = (kind: string) => lines.filter((line) => line["kind"] === kind);

  test.each([
    ["POST", "/mcp/401", 401],
    ["POST", "/mcp/500", 500],
    ["POST", "/mcp/html", 200],
    ["PUT", "/mcp", 405],
    ["POST", "/mcp", 406],
    ["DELETE", "/mcp", 200],
    ["POST", "/mcp", 404],
  ])("%s %s answered by %i is one line of kind http", (method, path, status) => {
    const found = of("http").filter((line) => {
      const transport = line["http_transport"];
      if (!isObject(transport)) return false;
      const { method: did, path: where, status: got } = transport;
      return did === method && where === path && got === status;
    });
    expect(
      found.map((line) => [line["outcome"], at(line, "http_transport", "session_id")]),
    ).toEqual([["complete", session]]);
  });

  test("nothing else is: what is accepted or answered as it should be is no trouble", () => {
    expect(of("http").length).toBe(7);
  });

  test("a call that was refused is told as unanswered", () => {
    const pings = of("call").filter((line) => line["method"] === "ping");
    expect(new Set(pings.map((line) => line["outcome"]))).toEqual(new Set(["unanswered"]));
  });

  test("DELETE ends the session; what comes after it does not belong to it", () => {
    const ends = of("session").filter((line) => line["event"] === "end");
    expect(ends.map((line) => line["reason"])).toEqual([
      "client deleted the session",
      "server does not know the session (404)",
    ]);
    expect(new Set(ends.map((line) => line["session"])).size).toBe(2);
    expect(ends.map((line) => line["http_session_id"])).toEqual([session, session]);
  });

  test("a thousand events of one stream are heard in order, as they came", () => {
    const progress = of("message").filter((line) => line["method"] === "notifications/progress");
    const steps = progress.map((line) => at(line, "params", "progress"));
    expect(steps).toEqual(Array.from({ length: STEPS }, (_, n) => n + 1));
    const answer = of("message").find(
      (line) => line["id"] === CALL_ID && line["type"] === "response",
    );
    const took = Number(answer?.["duration_ms"]);
    const first = Date.parse(textAt(progress[0], "timestamp"));
    const last = Date.parse(textAt(answer, "timestamp"));
    expect(last - first).toBeGreaterThan(took / 2);
  });

  test("events that a resumed stream brings again are not heard again", () => {
    expect(resent).toBe(2);
    const ids = of("message").map((line) => at(line, "http_transport", "event_id"));
    const known = ids.filter((id) => id !== undefined);
    expect(new Set(known).size).toBe(known.length);
    expect(known.length).toBeGreaterThan(STEPS);
  });

  test("what the server asks on the GET stream is paired with the POST that answers it", () => {
    const asked = of("message").find((line) => line["method"] === "elicitation/create");
    expect(asked?.["direction"]).toBe("server-to-client");
    expect(asked?.["http_transport"]).toMatchObject({
      method: "GET",
      is_request: false,
      mode: "sse",
    });
    const answer = of("message").find(
      (line) => at(line, "request", "method") === "elicitation/create",
    );
    expect(answer?.["id"]).toEqual(asked?.["id"]);
    expect(answer?.["http_transport"]).toMatchObject({ method: "POST", is_request: true });
    const call = of("call").find((line) => line["method"] === "elicitation/create");
    expect(call?.["outcome"]).toBe("ok");
  });
});

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "outcomes", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};
/** Mcp-Method and Mcp-Name of a call of "echo", and what they are to become. */
const HEADERS: readonly (readonly [string, string, number, readonly string[] | undefined])[] = [
  ["tools/call", "echo", 200, undefined],
  ["tools/call", "=?base64?ZWNobw==?=", 200, undefined],
  ["tools/list", "echo", 400, ["header_mismatch"]],
  ["tools/call", "get-sum", 400, ["header_mismatch"]],
];

describe.skipIf(lacking !== undefined)(titledGroup("headers that repeat the body"), () => {
  let lines: readonly JsonObject[] = [];
  beforeAll(async () => {
    lines = await hear("v2", async (url) => {
      for (const [id, [method, name]] of HEADERS.entries()) {
        const params = { name: "echo", arguments: { message: "hello" }, _meta: META };
        const more = {
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": method,
          "mcp-name": name,
        };
        await post(url, undefined, request(id, "tools/call", params), more);
      }
    });
  }, LIMIT_MS);

  test.each(HEADERS.map((row, id) => [...row, id] as const))(
    "Mcp-Method %s and Mcp-Name %s of a call of echo: %i, flags %j",
    (method, name, status, flags, id) => {
      const own = lines.filter((line) => line["kind"] === "message" && line["id"] === id);
      expect(own.map((line) => line["flags"])).toEqual([flags, undefined]);
      expect(own[0]?.["http_transport"]).toMatchObject({ mcp_method: method, mcp_name: name });
      expect(at(own[1], "http_transport", "status")).toBe(status);
    },
  );
});
