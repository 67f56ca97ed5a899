// An HTTPS server that answers MCP calls, in Bun or in Node; prints its port.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const tls = {
  key: readFileSync(new URL("key.pem", import.meta.url)),
  cert: readFileSync(new URL("certificate.pem", import.meta.url)),
};

function answer({ id, params }) {
  return JSON.stringify({ jsonrpc: "2.0", id, result: { content: [], echo: params } });
}

const headers = { "content-type": "application/json" };

if (globalThis.Bun) {
  const fetch = async (request) =>
    request.method === "POST"
      ? new Response(answer(await request.json()), { headers })
      : new Response("no such page", { status: 404 });
  console.log(Bun.serve({ port: 0, tls, fetch }).port);
} else {
  const server = createServer(tls, (request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      response.writeHead(200, headers).end(answer(JSON.parse(Buffer.concat(parts).toString())));
    });
  });
  server.listen(0, () => console.log(server.address().port));
}
