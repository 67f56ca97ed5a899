/** Option texts of `overhear mcp` in, McpOptions out. */
import { UsageError } from "./errors.ts";
import type { ParsedArgv } from "./parse-argv.ts";
import type { ListenOptions, McpOptions } from "./types.ts";
import { wrongValue } from "./values.ts";

/** What has no meaning where nothing is captured. */
const CAPTURING = [
  "pid",
  "comm",
  "container",
  "cgroup",
  "duration",
  "attach",
  "tls",
  "ring",
  "max-message",
];

/** `capture`: how the host is to be heard. Throws UsageError. */
export function buildMcp({ options }: ParsedArgv, capture: ListenOptions): McpOptions {
  const one = (name: string) => options.get(name)?.[0];
  const db = one("db");
  const listen = one("listen");
  const tokenFile = one("token-file");
  const idle = db === undefined ? undefined : CAPTURING.find((name) => options.has(name));
  if (idle !== undefined) {
    throw new UsageError(
      `Cannot use --${idle} with --db: nothing is heard, only read`,
      "leave one of them out; the overhear that writes the file takes the other options",
    );
  }
  const http = listen === undefined ? undefined : parseAddress(listen);
  if (tokenFile !== undefined && http === undefined) {
    throw new UsageError(
      "Cannot use --token-file: nothing is served over HTTP",
      "add --listen 127.0.0.1:8080, or leave it out",
    );
  }
  if (http !== undefined && tokenFile === undefined && !isLoopback(http.hostname)) {
    throw new UsageError(
      `Cannot listen at "${listen}" without a token: others could read what is heard here`,
      "add --token-file FILE, or use --listen 127.0.0.1:8080",
    );
  }
  return {
    db,
    http,
    tokenFile,
    redact: !options.has("no-redact"),
    capture: {
      ...capture,
      outputs: { ...capture.outputs, stdout: "none", files: [], database: undefined },
    },
    debug: options.has("debug"),
  };
}

/** "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (loopback); port 0 is one that is free. */
function parseAddress(text: string): { readonly hostname: string; readonly port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  const named = match?.[1];
  if (named === undefined || !(port <= 65_535)) {
    throw wrongValue(
      "--listen",
      text,
      "an address with a port needed",
      "--listen 127.0.0.1:8080 or --listen [::1]:8080",
    );
  }
  return { hostname: named === "" ? "127.0.0.1" : named.replace(/^\[(.*)\]$/, "$1"), port };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
