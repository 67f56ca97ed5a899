/** Runs a client of these tests against a URL to its end and gives what it recorded. */
import type { Runtime } from "../programs.ts";
import { CLIENTS, type ClientKind, recorded } from "./programs.ts";
import { type HttpTruth, readHttpTruth } from "./truth.ts";

export interface HttpClientRun {
  readonly truth: HttpTruth;
  /** The steps taken among it. */
  readonly stderr: string;
}

/** Throws with the client's stderr when it fails. */
export async function runHttpClient(
  kind: ClientKind,
  runtime: Runtime,
  record: string,
  url: string,
  ...more: readonly string[]
): Promise<HttpClientRun> {
  const command = recorded(runtime, ...CLIENTS[kind], "--url", url, ...more);
  return await runRecorded(command, record);
}

/** The command, whose record is `record`, to its end. */
export async function runRecorded(
  command: readonly string[],
  record: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<HttpClientRun> {
  const child = Bun.spawn([...command], {
    cwd: import.meta.dir,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    env: {
      ...process.env,
      ...environment,
      OVERHEAR_RECORD: record,
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  const stderr = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`the client failed:\n${stderr}`);
  const [truth] = await readHttpTruth(record);
  if (truth === undefined) throw new Error("the client recorded nothing");
  return { truth, stderr };
}
