/** `overhear mcp`: an MCP server over what another overhear records, or over what this one hears meanwhile. */
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint } from "./capture/types.ts";
import { PrivilegeError } from "./cli/errors.ts";
import { EXIT_OK } from "./cli/exit-codes.ts";
import { makeOwnFolder } from "./cli/own-folder.ts";
import { readToken } from "./cli/read-token.ts";
import { say } from "./cli/say.ts";
import type { ExitCode, ListenOptions, McpOptions } from "./cli/types.ts";
import { VERSION } from "./cli/version.ts";
import type { Companion } from "./listen.ts";
import { Changes } from "./server/changes.ts";
import { cleanHistory } from "./server/clean.ts";
import { PATH, serveHttp } from "./server/http/serve-http.ts";
import { serverFactory } from "./server/mcp-server.ts";
import { serveOnStdio } from "./server/stdio.ts";
import { errorCode, errorText, OutputError } from "./sinks/errors.ts";
import { redactor } from "./sinks/redact.ts";
import { HistoryReader } from "./store/reader.ts";

/** What is kept of what is heard, where nobody else records it: the newest. */
const KEPT_BYTES = 512 << 20;
const KEPT_MS = 24 * 3_600_000;

interface Serving {
  /** Over HTTP: where. */
  readonly port: number | undefined;
  /** The client over stdio has gone; never, over HTTP. */
  readonly closed: Promise<void>;
  stop(): Promise<void>;
}

/** @throws UsageError, PrivilegeError, UnsupportedKernelError, OutputError */
export async function mcp(options: McpOptions): Promise<ExitCode> {
  const token = options.tokenFile === undefined ? undefined : readToken(options.tokenFile);
  return options.db === undefined
    ? await hearAndServe(options, token)
    : await readAndServe(options, options.db, token);
}

async function readAndServe(
  options: McpOptions,
  path: string,
  token: string | undefined,
): Promise<ExitCode> {
  const ended = Promise.withResolvers<void>();
  const end = () => ended.resolve();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  const serving = serve(options, path, token);
  await Promise.race([serving.closed, ended.promise]);
  await serving.stop();
  return EXIT_OK;
}

/** Into a file of its own, that goes when this ends: an agent may ask of more than memory should hold. */
async function hearAndServe(options: McpOptions, token: string | undefined): Promise<ExitCode> {
  const folder = makeOwnFolder(tmpdir());
  const path = join(folder, "history.db");
  let serving: Serving | undefined;
  const companion: Companion = {
    started: (stop) => {
      serving = serve(options, path, token);
      void serving.closed.then(() => stop("client_gone"));
    },
  };
  try {
    const { listen } = await import("./listen.ts");
    const isOwnEnd = ({ address, port }: Endpoint) =>
      port === serving?.port && (isLoopback(address) || address === options.http?.hostname);
    return await listen(captureOptions(options, path, isOwnEnd), companion);
  } catch (error) {
    if (error instanceof PrivilegeError) throw advised(error);
    throw error;
  } finally {
    await serving?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

function captureOptions(
  { capture, redact }: McpOptions,
  path: string,
  isOwnEnd: (end: Endpoint) => boolean,
): ListenOptions {
  const kept = { keepMs: KEPT_MS, keepBytes: KEPT_BYTES, bodyBytes: 65_536 };
  const database = { path, ...kept, isOwnEnd };
  return { ...capture, outputs: { ...capture.outputs, redact, database } };
}

function advised(error: PrivilegeError): PrivilegeError {
  const hint =
    "run it with sudo; or read what another overhear records: overhear mcp --db FILE needs no privilege";
  return new PrivilegeError(error.message, hint, { cause: error });
}

/** @throws OutputError */
function serve(options: McpOptions, path: string, token: string | undefined): Serving {
  const reader = new HistoryReader(path);
  const history = cleanHistory(reader, options.redact ? redactor : undefined);
  const changes = new Changes(history);
  const nowMs = () => Date.now();
  const factory = serverFactory({ history, changes, nowMs, version: VERSION });
  const onError = (error: Error) => {
    if (options.debug) say(`overhear: ${error.stack ?? error.message}`);
  };
  if (options.http === undefined) {
    const { closed, stop } = serveOnStdio(factory, process.stdin, process.stdout, onError);
    return {
      port: undefined,
      closed,
      stop: async () => {
        await stop();
        reader.close();
      },
    };
  }
  const { hostname, port } = options.http;
  const plain = { history, nowMs };
  const server = startHttp({ hostname, port, token, factory, plain, changes, nowMs, onError });
  const at = server.hostname.includes(":") ? `[${server.hostname}]` : server.hostname;
  say(`overhear: MCP server at http://${at}:${server.port}${PATH}, Ctrl-C ends`);
  return {
    port: server.port,
    closed: new Promise(() => undefined),
    stop: async () => {
      await server.stop();
      reader.close();
    },
  };
}

/** @throws OutputError */
function startHttp(options: Parameters<typeof serveHttp>[0]): ReturnType<typeof serveHttp> {
  try {
    return serveHttp(options);
  } catch (cause) {
    const where = `${options.hostname}:${options.port}`;
    const isUsed = errorCode(cause) === "EADDRINUSE";
    throw new OutputError(
      `Cannot listen at "${where}": ${isUsed ? "somebody else does" : errorText(cause)}`,
      { path: where, cause, hint: "choose another port, or 0 for one that is free" },
    );
  }
}
