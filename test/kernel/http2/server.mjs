// TLS|PLAIN: a server of HTTP/2 in Node that answers MCP calls, every third by events and every fifth late; prints its port.
import { readFileSync } from "node:fs";
import { createSecureServer, createServer } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";

const tls = {
  key: readFileSync(new URL("../tls/key.pem", import.meta.url)),
  cert: readFileSync(new URL("../tls/certificate.pem", import.meta.url)),
};

async function answer(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  const { id, params } = JSON.parse(Buffer.concat(parts).toString());
  if (id % 5 === 0) await sleep(20);
  const text = JSON.stringify({ jsonrpc: "2.0", id, result: { content: [], echo: params } });
  const isStream = id % 3 === 0;
  stream.respond({
    ":status": 200,
    "content-type": isStream ? "text/event-stream" : "application/json",
    "mcp-session-id": "h2-session",
  });
  stream.end(isStream ? `event: message\ndata: ${text}\n\n` : text);
}

const server = process.argv[2] === "TLS" ? createSecureServer(tls) : createServer();
server.on("stream", (stream, headers) => {
  if (headers[":path"] === "/mcp") answer(stream);
  else {
    stream.respond({ ":status": 200, "content-type": "application/octet-stream" });
    stream.end("x".repeat(Number(headers[":path"].slice(1)) || 10));
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
