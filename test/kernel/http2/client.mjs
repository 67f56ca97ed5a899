// TLS|PLAIN PORT CALLS TOGETHER BYTES FIRST: calls over one connection of Node's http2, so many streams at a time. After the
// first FIRST ones it says so, and goes on when its input ends.
import { connect } from "node:http2";

const isTls = process.argv[2] === "TLS";
const [port, calls, together, bytes, first = 0] = process.argv.slice(3).map(Number);
const session = connect(`${isTls ? "https" : "http"}://127.0.0.1:${port}`, {
  rejectUnauthorized: false,
});
let next = 0;

async function call(id) {
  const params = { name: "echo", arguments: { text: "x".repeat(bytes) } };
  const stream = session.request({
    ":method": "POST",
    ":path": "/mcp",
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    authorization: "Bearer secret-of-the-test",
    "mcp-protocol-version": "2025-11-25",
  });
  stream.end(JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params }));
  let text = "";
  for await (const part of stream.setEncoding("utf8")) text += part;
  const answer = JSON.parse(text.replace(/^event: message\ndata: /, ""));
  if (answer.id !== id) throw new Error(`asked ${id}, answered ${answer.id}`);
}

async function callInTurn() {
  while (next < calls) await call(next++);
}

while (next < first) await call(next++);
if (first > 0) {
  console.log("waits");
  for await (const _ of process.stdin);
}
await Promise.all(Array.from({ length: together }, callInTurn));
session.close();
