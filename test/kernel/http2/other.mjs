// TLS|PLAIN PORT BYTES: downloads so many bytes that are none of MCP's over one connection of HTTP/2, says so, and waits for a
// line; then calls, twice a second, until its input ends.
import { connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";

const isTls = process.argv[2] === "TLS";
const [port, bytes] = process.argv.slice(3).map(Number);
const session = connect(`${isTls ? "https" : "http"}://127.0.0.1:${port}`, {
  rejectUnauthorized: false,
});

async function ask(headers, body) {
  const stream = session.request(headers);
  stream.end(body);
  let length = 0;
  for await (const part of stream) length += part.length;
  return length;
}

const got = await ask({ ":path": `/${bytes}` });
if (got !== bytes) throw new Error(`asked for ${bytes} bytes, got ${got}`);
console.log("waits");
let isOver = false;
process.stdin.on("end", () => {
  isOver = true;
});
await new Promise((resolve) => process.stdin.once("data", resolve));
for (let id = 1; !isOver; id++) {
  const call = { jsonrpc: "2.0", id, method: "tools/call", params: { name: "echo" } };
  const headers = {
    ":method": "POST",
    ":path": "/mcp",
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  await ask(headers, JSON.stringify(call));
  await sleep(500);
}
session.close();
