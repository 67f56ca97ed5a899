/**
 * The server of src/server over HTTP, with the tools, resources and prompts that the conformance suite asks for by name.
 * Prints its URL. Its history is empty.
 */
import { Changes } from "../../src/server/changes.ts";
import { serveHttp } from "../../src/server/http/serve-http.ts";
import { MemoryHistory } from "../unit/server/memory-history.ts";
import { fixtureFactory } from "./fixtures.ts";

const history = new MemoryHistory();
const changes = new Changes(history);
const nowMs = () => Date.now();
const parts = { history, changes, nowMs, version: "1.0.0" };
const server = serveHttp({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? "0"),
  token: undefined,
  factory: fixtureFactory(parts),
  plain: { history, nowMs },
  changes,
  nowMs,
  onError: (error) => process.stderr.write(`${error.message}\n`),
});
process.stdout.write(`http://${server.hostname}:${server.port}/mcp\n`);
