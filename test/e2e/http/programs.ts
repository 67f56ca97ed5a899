/** The HTTP servers and clients of these tests: how each is started, and which of them this machine lacks. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { INTERPRETERS, missing, type Runtime } from "../programs.ts";

const HERE = import.meta.dir;
const E2E = join(HERE, "..");
const PACKAGES = join(E2E, "node_modules");
const EVERYTHING = join(PACKAGES, "@modelcontextprotocol/server-everything/dist/index.js");
/** mcp-proxy wants the first generation of the Python SDK: an environment of its own. */
const MCP_PROXY = join(E2E, "../../build/test/venv-mcp-proxy/bin/python");

export type ServerKind =
  | "everything"
  | "everything-sse"
  | "v1"
  | "v1-json"
  | "v2"
  | "python"
  | "fastmcp"
  | "supergateway"
  | "mcp-proxy";

export interface ServerProgram {
  /** `stdioLog`: where the stdio server behind a bridge keeps its record. */
  readonly command: (runtime: Runtime, port: number, stdioLog: string) => readonly string[];
  readonly path: string;
  /** Speaks the transport of 2024-11-05. */
  readonly sse?: boolean;
  /** A stdio server runs behind it. */
  readonly bridge?: boolean;
  /** What it calls itself in serverInfo. */
  readonly info: string;
}

/** The program under its runtime's recorder: it does not know that it is recorded. */
export function recorded(runtime: Runtime, ...program: readonly string[]): string[] {
  const recorder: Readonly<Record<Runtime, readonly string[]>> = {
    node: ["--import", join(HERE, "record.mjs")],
    bun: ["--preload", join(HERE, "record.mjs")],
    python: [join(HERE, "record.py")],
  };
  return [INTERPRETERS[runtime], ...recorder[runtime], ...program];
}

const stdioServer = (log: string) => [INTERPRETERS.node, join(E2E, "servers/v2.mjs"), "--log", log];

export const SERVERS: Readonly<Record<ServerKind, ServerProgram>> = {
  everything: {
    command: (runtime) => recorded(runtime, EVERYTHING, "streamableHttp"),
    path: "/mcp",
    info: "mcp-servers/everything",
  },
  "everything-sse": {
    command: (runtime) => recorded(runtime, EVERYTHING, "sse"),
    path: "/sse",
    sse: true,
    info: "mcp-servers/everything",
  },
  v1: {
    command: (runtime, port) =>
      recorded(runtime, join(HERE, "servers/v1.mjs"), "--port", String(port)),
    path: "/mcp",
    info: "v1-server",
  },
  "v1-json": {
    command: (runtime, port) =>
      recorded(runtime, join(HERE, "servers/v1.mjs"), "--json", "--gzip", "--port", String(port)),
    path: "/mcp",
    info: "v1-server",
  },
  v2: {
    command: (runtime, port) =>
      recorded(runtime, join(E2E, "servers/v2.mjs"), "--port", String(port)),
    path: "/mcp",
    info: "v2-server",
  },
  python: {
    command: (runtime, port) =>
      recorded(runtime, join(E2E, "servers/server.py"), "--port", String(port)),
    path: "/mcp",
    info: "python-server",
  },
  fastmcp: {
    command: (runtime, port) => recorded(runtime, join(HERE, "servers/fast.py"), String(port)),
    path: "/mcp",
    info: "fastmcp-server",
  },
  supergateway: {
    command: (runtime, port, log) => [
      ...recorded(runtime, join(PACKAGES, "supergateway/dist/index.js"), "--port", String(port)),
      ...["--outputTransport", "streamableHttp", "--stateful"],
      ...["--stdio", stdioServer(log).join(" ")],
    ],
    path: "/mcp",
    bridge: true,
    info: "v2-server",
  },
  "mcp-proxy": {
    command: (_, port, log) => [
      ...[MCP_PROXY, join(HERE, "record.py"), "-m", "mcp_proxy", "--port", String(port)],
      ...["--", ...stdioServer(log)],
    ],
    path: "/mcp",
    bridge: true,
    info: "v2-server",
  },
};

export type ClientKind = "v1" | "v2" | "python" | "fetch" | "http" | "urllib";

export const CLIENTS: Readonly<Record<ClientKind, readonly string[]>> = {
  v1: [join(E2E, "clients/v1.mjs")],
  v2: [join(E2E, "clients/v2.mjs")],
  python: [join(E2E, "clients/client.py")],
  fetch: [join(HERE, "clients/raw.mjs"), "--by", "fetch"],
  http: [join(HERE, "clients/raw.mjs"), "--by", "http"],
  urllib: [join(HERE, "clients/raw.py")],
};

/** The name of the first thing that is missing for these; undefined: all is there. */
export function missingHttp(servers: readonly ServerKind[], ...runtimes: Runtime[]) {
  const lacking = missing(...runtimes);
  if (lacking !== undefined) return lacking;
  if (servers.includes("mcp-proxy") && !existsSync(MCP_PROXY)) return "python venv with mcp-proxy";
  return undefined;
}
