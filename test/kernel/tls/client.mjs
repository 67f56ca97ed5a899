// PORT CALLS TOGETHER BYTES FIRST: calls, so many at a time, each with so many bytes; in Bun or in Node. After the first
// FIRST ones it says so, and goes on when its input ends.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
const [port, calls, together, bytes, first = 0] = process.argv.slice(2).map(Number);
let next = 0;

async function call(id) {
  const params = { name: "echo", arguments: { text: "x".repeat(bytes) } };
  const response = await fetch(`https://127.0.0.1:${port}/mcp`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params }),
    tls: { rejectUnauthorized: false },
  });
  const answer = await response.json();
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
