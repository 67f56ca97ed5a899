/** Starts the servers of these tests and runs their clients; each believes the tests' one certificate. */
import { curl } from "../http/curl.ts";
import { type HttpClientRun, runRecorded } from "../http/run-client.ts";
import { freePort, HttpServer } from "../http/server.ts";
import { Listener } from "../listener.ts";
import type { Workspace } from "../run-client.ts";
import {
  CLIENTS,
  type ClientKind,
  deafServer,
  POSTERS,
  type PosterKind,
  type Program,
  SERVERS,
  type ServerKind,
  TRUST,
} from "./programs.ts";

/** overhear, that has found what encrypts in these programs, as far as that is to be found before they are run. */
export async function listen(files: Workspace, ...programs: readonly Program[]): Promise<Listener> {
  const options = ["--kinds", "all", "-v", "--ring", "64M"];
  const listener = await Listener.start(files.file("heard.ndjson"), ...options);
  for (const { stack } of programs) {
    if (stack.file !== undefined) await hearsFile(listener, stack.file);
  }
  return listener;
}

/** A program of its own, which is found once it is run. */
export async function hearsRunning(listener: Listener, program: Program): Promise<void> {
  const { stack, command } = program;
  if (stack.file === undefined) await hearsFile(listener, command[0] ?? "");
}

/** `name`: the end of the file's. */
export async function hearsFile(listener: Listener, name: string): Promise<void> {
  await listener.says(new RegExp(`hears what is encrypted in "[^"]*${RegExp.escape(name)}`));
}

/** `name`: of its record in the workspace. */
export async function startServer(
  kind: ServerKind,
  files: Workspace,
  name = "server",
): Promise<HttpServer> {
  const port = freePort();
  const command = [...SERVERS[kind].command, "--port", String(port)];
  return await HttpServer.run(command, port, "/mcp", files.file(`${name}.jsonl`), "https");
}

/** Keeps no record, and is not heard. */
export async function startDeaf(files: Workspace, name = "deaf"): Promise<HttpServer> {
  const port = freePort();
  return await HttpServer.run(deafServer(port), port, "/mcp", files.file(name), "https");
}

/** To its end. */
export async function runClient(
  kind: ClientKind,
  files: Workspace,
  urls: string | readonly string[],
  ...more: readonly string[]
): Promise<HttpClientRun> {
  const to = [urls].flat().flatMap((url) => ["--url", url]);
  const command = [...CLIENTS[kind].command, ...to, ...more];
  return await runRecorded(command, files.file("client.jsonl"), TRUST);
}

/** One request by a process of its own. */
export async function post(
  kind: PosterKind,
  url: string,
  text: string,
  session: string | undefined,
  exchange: number,
) {
  const { command } = POSTERS[kind];
  const poster = (to: string, headers: readonly string[], body: string) =>
    kind === "wget"
      ? [...command, ...headers.map((header) => `--header=${header}`), `--post-data=${body}`, to]
      : [...command, ...headers.flatMap((each) => ["-H", each]), "--data-binary", body, to];
  return await curl(url, text, session, exchange, poster, TRUST);
}
