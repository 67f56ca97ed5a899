/** Scripted conversations over HTTP out, as a live run records them. */
import type { Host } from "../../../src/capture/types.ts";
import { answer, EVENTS_HEAD, jsonAnswer, post } from "../framing/http-script.ts";
import { type Connection, makeProcess, Recording, START_NS } from "./http-recording.ts";

const SID = "Mcp-Session-Id: 1868a90c";
const V = "MCP-Protocol-Version: 2025-11-25";
const INITIALIZE =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"agent","version":"1"}}}';
const WELCOME =
  '{"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"git","version":"2"}},"jsonrpc":"2.0","id":0}';
const READY = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
const CALL =
  '{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"log","arguments":{"n":1.0, "s":"\\u00e9"}}}';
const RESULT = '{"jsonrpc":"2.0","id":9007199254740993,"result":{"content":[]}}';
const LIST = '{"jsonrpc":"2.0","id":5,"method":"tools/list"}';
const ACCEPTED = answer("202 Accepted", "");
const REFUSED = answer("401 Unauthorized", "<p>no</p>", "Content-Type: text/html");

const event = (json: string, id = "") => {
  const text = `${id === "" ? "" : `id: ${id}\n`}data: ${json}\n\n`;
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
};

function get(path: string, ...fields: readonly string[]): string {
  const lines = [`GET ${path} HTTP/1.1`, "Host: 127.0.0.1:3001", "Accept: text/event-stream"];
  return `${[...lines, ...fields].join("\r\n")}\r\n\r\n`;
}

function ends() {
  const live = new Recording();
  const client = makeProcess(100, "curl");
  const server = makeProcess(200, "node", START_NS - 5_000);
  return { live, client, server };
}

function greet(live: Recording, { request, response }: Connection): Recording {
  return live
    .write(request, post(INITIALIZE))
    .write(response, jsonAnswer(WELCOME, SID))
    .write(request, post(READY, SID, V))
    .write(response, ACCEPTED);
}

function callByEvents(live: Recording, { request, response }: Connection): Recording {
  return live
    .write(request, post(CALL, SID, V))
    .write(response, EVENTS_HEAD)
    .write(
      response,
      event('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}'),
    )
    .write(response, event(RESULT, "é-7"))
    .write(response, "0\r\n\r\n");
}

/** What is heard by title, each recorded anew when it is called. */
export const RUNS: Readonly<Record<string, () => readonly string[]>> = {
  "a legacy session, answered by JSON, 202 and events, and deleted": () => {
    const { live, client, server } = ends();
    const on = live.connect(client, server);
    callByEvents(greet(live, on), on);
    const head = `DELETE /mcp HTTP/1.1\r\nHost: 127.0.0.1:3001\r\n${SID}\r\n\r\n`;
    return live.write(on.request, head).write(on.response, answer("200 OK", "")).end();
  },
  "a session on two connections, with a GET stream, a server's request and its answer in a POST":
    () => {
      const { live, client, server } = ends();
      const [on, stream] = [live.connect(client, server), live.connect(client, server)];
      greet(live, on)
        .write(stream.request, get("/mcp", SID, V))
        .write(stream.response, EVENTS_HEAD);
      live.write(stream.response, event('{"jsonrpc":"2.0","id":1,"method":"roots/list"}', "1"));
      live.write(on.request, post('{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}', SID, V));
      callByEvents(live.write(on.response, ACCEPTED), on);
      return live.close(stream).exit(server, 3).wait(3_000).end();
    },
  "a client on another host": () => {
    const { live, server } = ends();
    const host: Host = { address: "2001:db8::1" };
    const on = live.connect(host, server, host.address);
    return callByEvents(greet(live, on), on).wait(600).end();
  },
  "a server on another host, whose client exits": () => {
    const { live, client } = ends();
    const on = live.connect(client, { address: "127.0.0.1" });
    return callByEvents(greet(live, on), on).close(on).exit(client, 0).wait(40_000).end();
  },
  "errors: refused, not found, cut, without an answer": () => {
    const { live, client, server } = ends();
    const on = live.connect(client, server);
    live.write(on.request, post(INITIALIZE)).write(on.response, REFUSED);
    greet(live, on).write(on.request, post(LIST, SID, V));
    live.write(on.response, answer("503 Unavailable", "busy", "Content-Type: text/plain"));
    live.write(on.request, post(CALL, SID, V));
    live.write(
      on.response,
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    );
    live.close(on);
    const next = live.connect(client, server);
    live.write(next.request, post(LIST, SID, V)).write(next.response, answer("404 Not Found", ""));
    return live.end();
  },
  "an attach in the middle, with a loss": () => {
    const { live, server } = ends();
    const on = live.connect(makeProcess(90, "old", START_NS - 9_000), server);
    live
      .write(on.request, post(LIST, SID, V))
      .write(on.response, jsonAnswer('{"jsonrpc":"2.0","id":5,"result":{"tools":[]}}'));
    live.write(on.request, post(CALL, SID, V)).lose(on.response, 500);
    live.write(on.request, post(LIST, SID, V));
    return live
      .write(on.response, jsonAnswer('{"jsonrpc":"2.0","id":5,"result":{"tools":[]}}'))
      .close(on)
      .end();
  },
  "the old transport": () => {
    const { live, client, server } = ends();
    const [stream, on] = [live.connect(client, server), live.connect(client, server)];
    live.write(stream.request, get("/sse")).write(stream.response, EVENTS_HEAD);
    const hello = "event: endpoint\ndata: /messages?sessionId=77\n\n";
    live.write(stream.response, `${hello.length.toString(16)}\r\n${hello}\r\n`);
    live.write(on.request, post(INITIALIZE).replace("/mcp", "/messages?sessionId=77"));
    live.write(on.response, ACCEPTED).write(stream.response, event(WELCOME));
    return live.close(stream).wait(600).wait(600).end();
  },
  "a modern client, whose headers say something else than the body": () => {
    const { live, client, server } = ends();
    const on = live.connect(client, server);
    const meta =
      '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"m","version":"1"}}';
    const ask = (id: number) =>
      `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"log",${meta}}}`;
    const head = ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call"];
    live.write(on.request, post(ask(1), ...head, "Mcp-Name: log"));
    live.write(on.response, jsonAnswer('{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'));
    live.write(on.request, post(ask(2), ...head, "Mcp-Name: other"));
    live.write(
      on.response,
      jsonAnswer('{"jsonrpc":"2.0","id":2,"error":{"code":-32001,"message":"x"}}'),
    );
    return live.end();
  },
  "a batch": () => {
    const { live, client, server } = ends();
    const on = live.connect(client, server);
    const old = (text: string) => text.replace("2025-11-25", "2025-03-26");
    live.write(on.request, post(old(INITIALIZE))).write(on.response, jsonAnswer(old(WELCOME), SID));
    live.write(on.request, post(`[${CALL},{"no":"message"},${LIST}]`, SID));
    live.write(
      on.response,
      jsonAnswer(`[${RESULT},{"jsonrpc":"2.0","id":5,"result":{"tools":[]}}]`),
    );
    return live.end();
  },
};
