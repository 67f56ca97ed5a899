/** Starts a server over HTTP and gives its URL. */
import { join } from "node:path";
import { makeSmallHistory } from "../e2e/mcp/small-history.ts";
import { OVERHEAR } from "../e2e/programs.ts";
import { Workspace } from "../e2e/run-client.ts";

export interface Started {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** The server of the same code, with the suite's fixtures. */
export function startFixtures(): Promise<Started> {
  return start([process.execPath, join(import.meta.dir, "fixture-server.ts")], "stdout");
}

async function start(command: readonly string[], from: "stdout" | "stderr"): Promise<Started> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const stop = async () => {
    child.kill("SIGTERM");
    await child.exited;
  };
  let text = "";
  for await (const part of child[from].pipeThrough(new TextDecoderStream())) {
    text += part;
    const url = /http:\/\/\S+\/mcp/.exec(text)?.[0];
    if (url !== undefined) return { url, stop };
  }
  await child.exited;
  throw new Error(`the server does not start: ${text}`);
}

/** The real one, over a small history. */
export async function startBinary(): Promise<Started> {
  const workspace = await Workspace.create();
  const database = makeSmallHistory(workspace);
  const { url, stop } = await start(
    [OVERHEAR, "mcp", "--listen", "127.0.0.1:0", "--db", database],
    "stderr",
  );
  return {
    url,
    stop: async () => {
      await stop();
      await workspace[Symbol.asyncDispose]();
    },
  };
}
