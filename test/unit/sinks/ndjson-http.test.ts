import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { HttpExchange } from "../../../src/framing/types.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import { redactor } from "../../../src/sinks/redact.ts";
import {
  curl,
  down,
  exchange,
  FIELDS,
  HOST,
  httpAnswer,
  httpCall,
  httpLine,
  httpRequest,
  httpResponse,
  httpSession,
  node,
  up,
} from "./http-items.ts";
import { clock, loss, process, session, sessionLine, TIME_NS } from "./items.ts";
import { assertNdjson } from "./validate.ts";

const plain = () => new NdjsonRenderer({ clock, raw: false, redactor: undefined });

function transportOf(line: string): Record<string, unknown> {
  const [parsed] = assertNdjson([line]);
  expect(parsed).not.toHaveProperty("stdio_transport");
  expect(parsed).toMatchObject({ transport_type: "http" });
  return Object.fromEntries(Object.entries(Object(parsed?.["http_transport"])));
}

const LOCAL = { from_pid: 1, from_comm: "curl", to_pid: 2, to_comm: "node" };
const REQUEST = { host: "127.0.0.1:3001", method: "POST", path: "/mcp", version: "1.1" };

describe("NdjsonRenderer on HTTP", () => {
  test("NdjsonRenderer writes a request with its ends and head, and nothing of an answer that has come by then", () => {
    const of = exchange({ response: httpResponse({ fields: { ...FIELDS, sessionId: "s" } }) });
    const line = plain().item(httpCall(of));
    expect(line).toBe(
      '{"kind":"message","timestamp":"2026-11-20T12:34:56.789012Z","transport_type":"http","http_transport":' +
        '{"pid":2,"comm":"node","is_request":true,"from_pid":1,"from_comm":"curl","to_pid":2,"to_comm":"node",' +
        '"channel":"tcp:9","host":"127.0.0.1:3001","method":"POST","path":"/mcp","version":"1.1","exchange":4,"mode":"json"},' +
        '"session":"http:2","direction":"client-to-server","seq":7,"type":"request","id":7,"method":"tools/call",' +
        '"target":"get_weather","params":{"name":"get_weather","arguments":{"city":"Oslo"}},"bytes":107}',
    );
    assertNdjson([line]);
  });

  test("NdjsonRenderer writes an answer with its status and event, and the request's head", () => {
    const fields = {
      ...FIELDS,
      protocolVersion: "2026-07-28",
      mcpMethod: "tools/call",
      mcpName: "x",
    };
    const of = exchange({
      request: httpRequest({ fields, version: "1.0" }),
      response: httpResponse({ fields: { ...FIELDS, sessionId: "abc" } }),
    });
    expect(transportOf(plain().item(httpAnswer(of, { mode: "sse", eventId: "7" })))).toEqual({
      pid: 1,
      comm: "curl",
      is_request: false,
      ...{ from_pid: 2, from_comm: "node", to_pid: 1, to_comm: "curl", channel: "tcp:8" },
      ...REQUEST,
      status: 200,
      session_id: "abc",
      protocol_version: "2026-07-28",
      mcp_method: "tools/call",
      mcp_name: "x",
      exchange: 4,
      mode: "sse",
      event_id: "7",
    });
  });

  test("NdjsonRenderer leaves out what was not heard: the request, its authority, the sender", () => {
    const answered = exchange({ request: undefined, response: httpResponse() });
    expect(transportOf(plain().item(httpAnswer(answered)))).toEqual({
      pid: 1,
      comm: "curl",
      is_request: false,
      ...{ from_pid: 2, from_comm: "node", to_pid: 1, to_comm: "curl", channel: "tcp:8" },
      status: 200,
      version: "1.1",
      exchange: 4,
      mode: "json",
    });
    const old = exchange({ request: httpRequest({ authority: undefined, version: "1.0" }) });
    const unsent = { ...httpCall(old), from: undefined };
    expect(transportOf(plain().item(unsent))).toEqual({
      pid: 2,
      comm: "node",
      is_request: true,
      ...{ to_pid: 2, to_comm: "node", channel: "tcp:9" },
      ...{ method: "POST", path: "/mcp", version: "1.0", exchange: 4, mode: "json" },
    });
  });

  test.each([
    ["10.0.0.5", { address: "10.0.0.5", port: 41_234 }, "10.0.0.5:41234"],
    ["2001:db8::1", { address: "2001:db8::1", port: 443 }, "[2001:db8::1]:443"],
    ["2001:db8::1", undefined, "2001:db8::1"],
  ])(
    "NdjsonRenderer gives another host's address, %s, in place of pid and comm",
    (address, end, shown) => {
      const host = { address };
      const asked = exchange({ requestChannel: up({ writer: host, from: end }) });
      const asking = exchange({ requestChannel: up({ reader: host, to: end }) });
      const [from, to] = [asked, asking].map((of) => transportOf(plain().item(httpCall(of))));
      const rest = { is_request: true, channel: "tcp:9", ...REQUEST, exchange: 4, mode: "json" };
      expect(from).toEqual({
        ...{ pid: 2, comm: "node", from_address: shown, to_pid: 2, to_comm: "node" },
        ...rest,
      });
      // the local end is the sender: it is what the message was heard from
      expect(to).toEqual({
        ...{ pid: 1, comm: "curl", from_pid: 1, from_comm: "curl", to_address: shown },
        ...rest,
      });
    },
  );

  test("NdjsonRenderer keeps the exchanges of one connection apart, and the sessions", () => {
    const renderer = plain();
    const channels = { requestChannel: up(), responseChannel: down() };
    const ask = (id: number, target: string) =>
      exchange({ id, ...channels, request: httpRequest({ target }) });
    const lines = [
      httpCall(ask(1, "/a")),
      httpCall(ask(2, "/b")),
      { ...httpCall(ask(2, "/b")), session: session({ id: "http:9", transport: "http" }) },
    ].map((line) => renderer.item(line));
    expect(assertNdjson(lines)).toMatchObject([
      { session: "http:2", http_transport: { exchange: 1, path: "/a" } },
      { session: "http:2", http_transport: { exchange: 2, path: "/b" } },
      { session: "http:9", http_transport: { exchange: 2, path: "/b" } },
    ]);
  });

  test("NdjsonRenderer notices an answer's head, and an end that took another name", () => {
    const renderer = plain();
    const worker = process({ pid: 5, comm: "sh" });
    const of: { -readonly [Key in keyof HttpExchange]: HttpExchange[Key] } = exchange({
      responseChannel: down({ writer: worker }),
      response: httpResponse(),
    });
    const before = renderer.item(httpAnswer(of));
    worker.comm = "node";
    of.response = httpResponse({ status: 500 });
    const after = renderer.item(httpAnswer(of));
    expect(transportOf(before)).toMatchObject({ status: 200, from_comm: "sh" });
    expect(transportOf(after)).toMatchObject({ status: 500, from_comm: "node" });
  });

  test("NdjsonRenderer keeps a query, and gives out no user and password of an absolute target", () => {
    const path = (target: string) =>
      transportOf(plain().item(httpCall(exchange({ request: httpRequest({ target }) }))))["path"];
    expect(path("/messages?sessionId=1")).toBe("/messages?sessionId=1");
    expect(path("http://joe:hunter2@proxied/mcp?a=@")).toBe("http://proxied/mcp?a=@");
    expect(path("*")).toBe("*");
  });

  test("NdjsonRenderer with a redactor masks secrets in targets and hosts", () => {
    const renderer = new NdjsonRenderer({ clock, raw: true, redactor });
    const target = "/mcp?api_key=hunter2&x=1&access_token=hunter2";
    const of = exchange({ request: httpRequest({ target }), response: httpResponse() });
    const lines = [
      renderer.item(httpCall(of)),
      renderer.item(httpAnswer(of)),
      renderer.item(httpLine({ exchange: of })),
    ];
    assertNdjson(lines);
    expect(lines.join("\n")).not.toContain("hunter2");
    expect(lines[0]).toContain('"path":"/mcp?api_key=[redacted]&x=1&access_token=[redacted]"');
  });

  test("NdjsonRenderer writes the session with hosts, its authority and its HTTP session id", () => {
    const talk = session({
      ...httpSession,
      client: HOST,
      server: undefined,
      httpSessionId: "1868",
      authority: "127.0.0.1:3001",
    });
    expect(assertNdjson([plain().item(sessionLine({ session: talk }))])[0]).toMatchObject({
      transport_type: "http",
      session: "http:2",
      client: { address: "10.0.0.5" },
      server: null,
      host: "127.0.0.1:3001",
      http_session_id: "1868",
    });
  });

  test("NdjsonRenderer writes a finished call with the request's transport", () => {
    const of = exchange({ response: httpResponse() });
    const line = plain().item({
      kind: "call",
      session: httpSession,
      direction: "client-to-server",
      request: httpCall(of).message,
      response: httpAnswer(of).message,
      method: "tools/call",
      target: "get_weather",
      outcome: "ok",
      chain: undefined,
      progressCount: 0,
      logCount: 0,
      timeNs: TIME_NS,
      durationMs: 1,
      serverMs: undefined,
    });
    expect(transportOf(line)).toEqual({
      ...{ pid: 2, comm: "node", is_request: true, ...LOCAL, channel: "tcp:9" },
      ...{ ...REQUEST, exchange: 4, mode: "json" },
    });
  });

  test("NdjsonRenderer writes an exchange without a message, in the direction of its request", () => {
    const line = plain().item(httpLine());
    expect(assertNdjson([line])[0]).toEqual({
      kind: "http",
      timestamp: "2026-11-20T12:34:56.789012Z",
      transport_type: "http",
      http_transport: {
        ...{ pid: 2, comm: "node", is_request: true, ...LOCAL, channel: "tcp:9" },
        ...{ ...REQUEST, status: 401, exchange: 4 },
      },
      outcome: "complete",
      content_type: "text/html",
      duration_ms: 1.27,
    });
  });

  test("NdjsonRenderer writes an exchange of which only the answer was heard, without a duration", () => {
    const of = exchange({
      request: undefined,
      requestChannel: undefined,
      response: httpResponse(),
    });
    const line = httpLine({
      exchange: of,
      outcome: "cut",
      session: httpSession,
      flags: ["ambiguous_http"],
    });
    expect(assertNdjson([plain().item(line)])[0]).toEqual({
      kind: "http",
      timestamp: "2026-11-20T12:34:56.789012Z",
      transport_type: "http",
      http_transport: {
        ...{ pid: 1, comm: "curl", is_request: false },
        ...{ from_pid: 2, from_comm: "node", to_pid: 1, to_comm: "curl", channel: "tcp:8" },
        ...{ status: 200, version: "1.1", exchange: 4 },
      },
      session: "http:2",
      outcome: "cut",
      flags: ["ambiguous_http"],
    });
  });

  test("NdjsonRenderer takes an end of a connection from its other direction where it is not known", () => {
    const back = down({ writer: node, reader: curl });
    const there = up({ writer: undefined, reader: undefined, reverse: back });
    const line = plain().item(httpLine({ exchange: exchange({ requestChannel: there }) }));
    expect(transportOf(line)).toMatchObject(LOCAL);
  });

  test("NdjsonRenderer names the ends and channel of a connection on losses and coverage", () => {
    const of = up({ writer: HOST, from: { address: HOST.address, port: 5 } });
    const hop = { from_address: "10.0.0.5:5", to_pid: 2, to_comm: "node", channel: "tcp:9" };
    const coverage = {
      kind: "coverage",
      reason: "set_aside",
      channel: of,
      process: undefined,
    } as const;
    expect(transportOf(plain().item(loss({ channel: of })))).toEqual(hop);
    expect(transportOf(plain().item({ ...coverage, bytes: 1, timeNs: TIME_NS }))).toEqual(hop);
  });

  test("NdjsonRenderer gives one valid line for any head", () => {
    const text = fc.string({ unit: "binary", minLength: 1 });
    fc.assert(
      fc.property(
        text,
        text,
        text,
        fc.option(text, { nil: undefined }),
        (target, host, id, event) => {
          const fields = { ...FIELDS, sessionId: id, mcpName: host, contentType: id };
          const request = httpRequest({ target, authority: host, method: id, fields });
          const of = exchange({ request, response: httpResponse({ fields }) });
          const answer = plain().item(httpAnswer(of, { mode: "sse", eventId: event }));
          const [parsed] = assertNdjson([answer, plain().item(httpLine({ exchange: of }))]);
          expect(parsed).toMatchObject({ http_transport: { host, session_id: id, method: id } });
        },
      ),
    );
  });
});
