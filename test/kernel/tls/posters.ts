/** Programs that make one MCP call over HTTPS and end, and a Go server; their pids, and a server that runs, out. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { missing, ROOT } from "../settings.ts";

/** By test/e2e/tls/build.sh. */
export const GO = join(ROOT, "build/test/tls/mcp-go-stripped");
const HERE = import.meta.dir;
const CERTIFICATE = join(HERE, "certificate.pem");
const CURL = Bun.which("curl");

export type Poster = "curl" | "go";

export function lacksPosters(...posters: readonly Poster[]): string | undefined {
  // it is built for x64
  const isThere = { curl: CURL !== null, go: process.arch === "x64" && existsSync(GO) };
  return missing() ?? posters.find((each) => !isThere[each]);
}

function commandOf(poster: Poster, port: number, id: number): readonly string[] {
  const url = `https://127.0.0.1:${port}/mcp`;
  if (poster === "go") return [GO, "post", "--url", url, "--id", String(id)];
  const params = { name: "echo", arguments: {} };
  const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
  const options = ["-sSk", "--fail", "-H", "content-type: application/json", "-d", body];
  return [CURL ?? "", ...options, url];
}

/** Returns the client's pid. */
export async function post(poster: Poster, port: number, id: number): Promise<number> {
  const client = Bun.spawn([...commandOf(poster, port, id)], {
    env: { ...process.env, SSL_CERT_FILE: CERTIFICATE },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  expect(await client.exited).toBe(0);
  return client.pid;
}

/** Returns it when it listens, and its port. */
export async function startGoServer(): Promise<{ server: Bun.Subprocess; port: number }> {
  const port = freePort();
  const server = Bun.spawn([GO, "server", "--port", String(port), "--tls", HERE], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  while (!(await connects(port))) {
    if (server.exitCode !== null) throw new Error("the Go server has ended");
    await Bun.sleep(20);
  }
  return { server, port };
}

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

async function connects(port: number): Promise<boolean> {
  try {
    const socket = { data: () => undefined };
    (await Bun.connect({ hostname: "127.0.0.1", port, socket })).end();
    return true;
  } catch {
    return false;
  }
}
