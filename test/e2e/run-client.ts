/** Runs a client against a server to its end and gives the client's record. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Conversation, readTruth } from "./truth.ts";

/** A directory of its own for a test's files, gone with it. */
export class Workspace implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<Workspace> {
    return new Workspace(await mkdtemp(join(tmpdir(), "overhear-e2e-")));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

export interface ClientRun {
  readonly conversations: readonly Conversation[];
  /** What the client and its servers said on stderr: the steps taken among it. */
  readonly stderr: string;
}

/** Throws with the client's stderr when it fails. `log` gets its record. */
export async function runClient(
  log: string,
  client: readonly string[],
  server: readonly string[],
  more: readonly string[] = [],
): Promise<ClientRun> {
  const child = Bun.spawn([...client, "--log", log, ...more, "--", ...server], {
    cwd: import.meta.dir, // where npx finds the packages
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  const stderr = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`the client failed:\n${stderr}`);
  return { conversations: await readTruth(log), stderr };
}

/** Resolves when the file holds the text; a client that waits is polling, so this is what to wait for. */
export async function fileSays(file: string, text: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while ((await readFile(file, "utf8").catch(() => "")) !== text) {
    if (Date.now() > deadline) throw new Error(`"${file}" does not say "${text}"`);
    await Bun.sleep(10);
  }
}
