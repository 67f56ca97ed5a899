/** The clients and servers of these tests: how each is started, what encrypts in it, and which of them this machine lacks. */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { recorded } from "../http/programs.ts";
import { INTERPRETERS, missing, type Runtime } from "../programs.ts";

const HERE = import.meta.dir;
const E2E = join(HERE, "..");
const ROOT = join(E2E, "../..");
/** With key.pem and certificate.pem, which is its own issuer: for localhost and 127.0.0.1. */
const CERTIFICATES = join(ROOT, "test/kernel/tls");
const CERTIFICATE = join(CERTIFICATES, "certificate.pem");
/** By build.sh. */
const BUILT = join(ROOT, "build/test/tls");
const STRIPPED_GO = join(BUILT, "mcp-go-stripped");
const GO = join(BUILT, "mcp-go");

/** What makes each of these clients believe this certificate. */
export const TRUST: Readonly<Record<string, string>> = {
  NODE_EXTRA_CA_CERTS: CERTIFICATE,
  SSL_CERT_FILE: CERTIFICATE,
  CURL_CA_BUNDLE: CERTIFICATE,
};

/** What encrypts in a program. */
export interface Stack {
  /** As the table of docs/coverage.md says it. */
  readonly name: string;
  /** How the file's name ends in which it is, where that is one that overhear finds before the program is run. */
  readonly file?: string;
}

/** What the table of docs/coverage.md says of a program. */
export interface Program {
  readonly runtime: string;
  readonly stack: Stack;
  readonly command: readonly string[];
  /** Its interpreter. */
  readonly needs?: Runtime;
}

const NODE_STACK = { name: "OpenSSL, in its executable", file: pathOf(INTERPRETERS.node) };
const BUN_STACK = {
  name: "BoringSSL, in its executable, stripped",
  file: pathOf(INTERPRETERS.bun),
};
const SYSTEM_STACK = { name: "OpenSSL, shared library", file: "/libssl.so.3" };
const GNUTLS_STACK = { name: "GnuTLS, shared library", file: "/libgnutls.so.30" };
const GO_STACK = { name: "crypto/tls" };
const STATIC_STACK = { name: "OpenSSL, linked in, local symbols" };

function pathOf(program: string): string {
  return existsSync(program) ? realpathSync(program) : program;
}

const raw = join(E2E, "http/clients/raw.mjs");

function node(what: string, ...script: readonly string[]): Program {
  const command = recorded("node", ...script);
  return { runtime: `Node: ${what}`, stack: NODE_STACK, command, needs: "node" };
}

function bun(what: string, ...script: readonly string[]): Program {
  const command = recorded("bun", ...script);
  return { runtime: `Bun: ${what}`, stack: BUN_STACK, command, needs: "bun" };
}

function python(what: string, stack: Stack, ...script: readonly string[]): Program {
  const command = recorded("python", ...script);
  return { runtime: `Python: ${what}`, stack, command, needs: "python" };
}

function go(what: string, file: string, ...more: readonly string[]): Program {
  return { runtime: `Go: ${what}`, stack: GO_STACK, command: [file, ...more] };
}

export type ClientKind =
  | "node-https"
  | "node-fetch"
  | "node-sdk"
  | "bun-fetch"
  | "bun-sdk"
  | "bun-compiled"
  | "httpx"
  | "urllib"
  | "threads"
  | "tasks"
  | "static"
  | "go"
  | "go-stripped";

export const CLIENTS: Readonly<Record<ClientKind, Program>> = {
  "node-https": node("https", raw, "--by", "http"),
  "node-fetch": node("fetch", raw, "--by", "fetch"),
  "node-sdk": node("fetch", join(E2E, "clients/v1.mjs")),
  "bun-fetch": bun("fetch, serve", raw, "--by", "fetch"),
  "bun-sdk": bun("fetch, serve", join(E2E, "clients/v2.mjs")),
  "bun-compiled": {
    runtime: "Bun: what `bun build --compile` makes",
    stack: { name: BUN_STACK.name },
    command: [join(BUILT, "mcp-bun")],
  },
  httpx: python("asyncio (httpx, uvicorn)", SYSTEM_STACK, join(E2E, "clients/client.py")),
  urllib: python("urllib, http.client", SYSTEM_STACK, join(E2E, "http/clients/raw.py")),
  threads: python("urllib, http.client", SYSTEM_STACK, join(HERE, "clients/threads.py")),
  tasks: python("asyncio (httpx, uvicorn)", SYSTEM_STACK, join(HERE, "clients/tasks.py")),
  static: python("pyOpenSSL", STATIC_STACK, join(HERE, "clients/static.py")),
  go: go("net/http", GO, "client"),
  "go-stripped": go("net/http, stripped", STRIPPED_GO, "client"),
};

/** Programs that make one request and end; all understand curl's or wget's arguments. */
export type PosterKind = "curl" | "curl-tls1.2" | "curl-gnutls" | "wget";

const CURL = ["-sS", "-i"];
const WGET = ["-q", "-O", "-", "--save-headers", `--ca-certificate=${CERTIFICATE}`];

export const POSTERS: Readonly<Record<PosterKind, Program>> = {
  curl: { runtime: "curl", stack: SYSTEM_STACK, command: ["curl", ...CURL] },
  "curl-tls1.2": {
    runtime: "curl, TLS 1.2",
    stack: SYSTEM_STACK,
    command: ["curl", ...CURL, "--tls-max", "1.2"],
  },
  "curl-gnutls": {
    runtime: "libcurl-gnutls",
    stack: GNUTLS_STACK,
    command: [join(BUILT, "curl-gnutls"), ...CURL],
  },
  wget: { runtime: "wget", stack: GNUTLS_STACK, command: ["wget", ...WGET] },
};

export type ServerKind =
  | "node"
  | "node-json"
  | "bun"
  | "uvicorn"
  | "go-server"
  | "go-stripped-server";

const TLS = ["--tls", CERTIFICATES];

export interface ServerProgram extends Program {
  /** What it calls itself in serverInfo. */
  readonly info: string;
}

/** Each is told its port after these. */
export const SERVERS: Readonly<Record<ServerKind, ServerProgram>> = {
  node: { ...node("https", join(E2E, "http/servers/v1.mjs"), ...TLS), info: "v1-server" },
  "node-json": {
    ...node("https", join(E2E, "http/servers/v1.mjs"), "--json", "--gzip", ...TLS),
    info: "v1-server",
  },
  bun: { ...bun("fetch, serve", join(E2E, "servers/v2.mjs"), ...TLS), info: "v2-server" },
  uvicorn: {
    ...python(
      "asyncio (httpx, uvicorn)",
      SYSTEM_STACK,
      join(E2E, "servers/server.py"),
      ...["--name", "python-server", ...TLS],
    ),
    info: "python-server",
  },
  "go-server": { ...go("net/http", GO, "server", ...TLS), info: "go-server" },
  "go-stripped-server": {
    ...go("net/http, stripped", STRIPPED_GO, "server", ...TLS),
    info: "go-server",
  },
};

export const NGINX: Program = { runtime: "nginx", stack: SYSTEM_STACK, command: [] };

/** An HTTPS server that cannot be heard. */
export function deafServer(port: number): readonly string[] {
  return [join(BUILT, "deaf"), String(port), CERTIFICATE, join(CERTIFICATES, "key.pem")];
}

export const nginxTls = { certificate: CERTIFICATE, key: join(CERTIFICATES, "key.pem") };
export const goPoster = [STRIPPED_GO, "post"];

/** The name of the first thing that is missing for these; undefined: all is there. */
export function missingTls(...programs: readonly Program[]): string | undefined {
  const runtimes = programs.flatMap(({ needs }) => needs ?? []);
  const lacking = missing(...runtimes);
  if (lacking !== undefined) return lacking;
  const files = programs.map(({ command: [file = ""] }) => file);
  return files.find((file) => file !== "" && !existsSync(file) && Bun.which(file) === null);
}
