/** Where the programs of these tests are, and which of them this machine lacks. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const HERE = import.meta.dir;
const ROOT = join(HERE, "../..");
const PACKAGES = join(HERE, "node_modules/@modelcontextprotocol");

export const OVERHEAR = process.env["OVERHEAR"] ?? join(ROOT, "dist/overhear");
export const PYTHON = join(ROOT, "build/test/venv/bin/python");
const NODE = Bun.which("node") ?? "node";
const BUN = process.execPath;

export type Runtime = "node" | "bun" | "python";
export const INTERPRETERS: Readonly<Record<Runtime, string>> = {
  node: NODE,
  bun: BUN,
  python: PYTHON,
};

export type ServerName = "everything" | "filesystem" | "memory" | "v2" | "python";

/** Script and arguments of each server, without the interpreter. */
const SERVERS: Readonly<Record<ServerName, readonly string[]>> = {
  everything: [join(PACKAGES, "server-everything/dist/index.js"), "stdio"],
  filesystem: [join(PACKAGES, "server-filesystem/dist/index.js"), "/usr/share"],
  memory: [join(PACKAGES, "server-memory/dist/index.js")],
  v2: [join(HERE, "servers/v2.mjs")],
  python: [join(HERE, "servers/server.py")],
};

/** What each server calls itself in serverInfo. */
export const SERVER_INFO: Readonly<Record<ServerName, string>> = {
  everything: "mcp-servers/everything",
  filesystem: "secure-filesystem-server",
  memory: "memory-server",
  v2: "v2-server",
  python: "python-server",
};

export type ClientName = "v1" | "v2" | "python";

const CLIENTS: Readonly<Record<ClientName, string>> = {
  v1: join(HERE, "clients/v1.mjs"),
  v2: join(HERE, "clients/v2.mjs"),
  python: join(HERE, "clients/client.py"),
};

export function serverCommand(runtime: Runtime, server: ServerName): string[] {
  return [INTERPRETERS[runtime], ...SERVERS[server]];
}

export function clientCommand(runtime: Runtime, client: ClientName): string[] {
  return [INTERPRETERS[runtime], CLIENTS[client]];
}

/** The name of the first feature that is missing for these runtimes; undefined: all is there. */
export function missing(...runtimes: readonly Runtime[]): string | undefined {
  if (process.getuid?.() !== 0) return "root";
  if (!existsSync(OVERHEAR)) return `${OVERHEAR} (make build)`;
  if (!existsSync(PACKAGES)) return "test/e2e/node_modules (bun install)";
  if (runtimes.includes("node") && Bun.which("node") === null) return "node";
  if (runtimes.includes("python") && !existsSync(PYTHON)) return "python venv with mcp";
  return undefined;
}

/** A title that names the missing feature when the test is to be skipped for it. */
export function titled(title: string, lacking: string | undefined): string {
  return lacking === undefined ? title : `${title} (skipped: no ${lacking})`;
}
