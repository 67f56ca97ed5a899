/**
 * A server whose tools do things: run git, fetch a URL, start what outlives them. By the second generation of the official
 * TypeScript SDK. Each tool says which processes it started.
 *   server [--log FILE] [--name NAME]
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { parseArgs, promisify } from "node:util";
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { recordSelf } from "../truth.mjs";

const { values } = parseArgs({
  options: { log: { type: "string" }, name: { type: "string", default: "causes" } },
});
if (values.log !== undefined) recordSelf(values.log);

const run = promisify(execFile);
const text = (value) => ({ content: [{ type: "text", text: JSON.stringify(value) }] });

async function git(args) {
  const child = run("git", args);
  const { pid } = child.child;
  try {
    await child;
    return { pid, code: 0 };
  } catch (error) {
    return { pid, code: error.code };
  }
}

function makeServer() {
  const server = new McpServer({ name: values.name, version: "1.0.0" }, { capabilities: { tools: {} } });
  const tool = (name, inputSchema, work) =>
    server.registerTool(name, { description: name, inputSchema: z.object(inputSchema) }, async (args) =>
      text(await work(args)),
    );
  tool("clone", { url: z.string(), to: z.string() }, ({ url, to }) => git(["clone", "-q", url, to]));
  tool("fetch", { url: z.string() }, async ({ url }) => {
    // a connection of its own for each
    const answer = await fetch(url, { headers: { connection: "close" } });
    return { status: answer.status, size: (await answer.arrayBuffer()).byteLength };
  });
  // fetch says no other host than the URL's
  tool("get", { url: z.string(), host: z.string() }, async ({ url, host }) => {
    const [answer] = await once(get(url, { headers: { host }, agent: false }), "response");
    let size = 0;
    for await (const piece of answer) size += piece.length;
    return { status: answer.statusCode, size };
  });
  tool("fetch-refused", { url: z.string() }, async ({ url }) => {
    try {
      await fetch(url);
      return { failed: false };
    } catch (error) {
      return { failed: true, code: error.cause?.code };
    }
  });
  tool("nothing", {}, async () => ({}));
  tool("leave-behind", { script: z.string() }, async ({ script }) => {
    const child = spawn("sh", ["-c", script], { detached: true, stdio: "ignore" });
    child.unref();
    return { pid: child.pid };
  });
  tool("write", { path: z.string(), other: z.string() }, async ({ path, other }) => {
    const { pid } = (await run("sh", ["-c", `echo a > '${path}'; echo b >> '${path}'; mv '${path}' '${other}'; rm '${other}'`])).child ?? {};
    return { pid };
  });
  return server;
}

serveStdio(makeServer);
