/** Each official client with each server, over each pair of runtimes: all that they say is heard, once, in order. */
import { expect, test } from "bun:test";
import { EMULATED } from "../kernel/settings.ts";
import { expectWholeSession, sessionsBetween } from "./compare.ts";
import { at } from "./json.ts";
import { Listener } from "./listener.ts";
import {
  type ClientName,
  clientCommand,
  missing,
  type Runtime,
  SERVER_INFO,
  type ServerName,
  serverCommand,
  titled,
} from "./programs.ts";
import { runClient, Workspace } from "./run-client.ts";

/** A minute is not enough for Node in an emulated guest beside another one. */
const LIMIT_MS = EMULATED ? 240_000 : 60_000;

type Mode = "legacy" | "modern";
type Pair = readonly [Runtime, ClientName, Runtime, ServerName, Mode];

const PAIRS: readonly Pair[] = [
  ["node", "v1", "node", "everything", "legacy"],
  ["node", "v1", "bun", "everything", "legacy"],
  ["bun", "v1", "node", "everything", "legacy"],
  ["bun", "v1", "bun", "everything", "legacy"],
  ["node", "v1", "node", "filesystem", "legacy"],
  ["bun", "v1", "bun", "filesystem", "legacy"],
  ["node", "v1", "bun", "memory", "legacy"],
  ["bun", "v1", "node", "memory", "legacy"],
  ["node", "v2", "node", "everything", "legacy"],
  ["bun", "v2", "node", "v2", "legacy"],
  ["node", "v2", "node", "v2", "modern"],
  ["node", "v2", "bun", "v2", "modern"],
  ["bun", "v2", "node", "v2", "modern"],
  ["bun", "v2", "bun", "v2", "modern"],
  ["python", "python", "python", "python", "legacy"],
  ["python", "python", "python", "python", "modern"],
  ["python", "python", "node", "everything", "legacy"],
  ["python", "python", "bun", "v2", "modern"],
  ["node", "v1", "python", "python", "legacy"],
  ["bun", "v2", "python", "python", "modern"],
];

/** What a client calls itself, and the version that the two agree on. */
const CLIENT_INFO: Readonly<Record<ClientName, { name: string; version: string }>> = {
  v1: { name: "v1-client", version: "1.32.2" },
  v2: { name: "v2-client", version: "2.4.0" },
  python: { name: "python-client", version: "2.3.0" },
};
const VERSION: Readonly<Record<Mode, string>> = { legacy: "2025-11-25", modern: "2026-07-28" };

const ASKING = ["sampling", "elicitation", "roots", "progress", "logging", "cancel"];
const STEPS: Readonly<Record<ServerName, readonly string[]>> = {
  everything: [
    "tools/list",
    "tools/call",
    "resources",
    "prompts",
    "error",
    "tool error",
    ...ASKING,
  ],
  v2: ["tools/list", "tools/call", "resources", "prompts", "error", "tool error", ...ASKING],
  python: ["tools/list", "tools/call", "resources", "prompts", "error", "tool error", ...ASKING],
  filesystem: ["tools/list", "tools/call", "error", "tool error"],
  memory: ["tools/list", "tools/call", "error", "tool error"],
};

for (const [runtime, client, serverRuntime, server, mode] of PAIRS) {
  const lacking = missing(runtime, serverRuntime);
  const title = `overhear hears all that the ${client} client under ${runtime} and the ${server} server under ${serverRuntime} say (${mode})`;
  test.skipIf(lacking !== undefined)(
    titled(title, lacking),
    async () => {
      await using files = await Workspace.create();
      await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
      const run = await runClient(
        files.file("truth.jsonl"),
        clientCommand(runtime, client),
        serverCommand(serverRuntime, server),
        ["--mode", mode],
      );
      const heard = await listener.stop();

      for (const step of STEPS[server]) expect(run.stderr).toContain(`client: ${step}\n`);
      // The v2 client asks a server of its own what it speaks before it starts the one to talk with.
      expect(run.conversations.length).toBe(client === "v2" && mode === "modern" ? 2 : 1);
      for (const conversation of run.conversations) expectWholeSession(heard, conversation);
      const truth = run.conversations.at(-1);
      if (truth === undefined) throw new Error("no conversation was recorded");
      const [session] = sessionsBetween(heard, truth.self, truth.peer);
      expect({
        client: session?.["client_info"],
        server: at(session, "server_info", "name"),
        version: session?.["protocol_version"],
        era: session?.["era"],
        late: session?.["late_attach"],
        event: session?.["event"],
      }).toEqual({
        client: CLIENT_INFO[client],
        server: SERVER_INFO[server],
        version: VERSION[mode],
        era: mode,
        late: false,
        event: "end",
      });
      expect(heard.exitCode).toBe(0);
    },
    LIMIT_MS,
  );
}
