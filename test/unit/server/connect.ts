/** A history in; a client of the official SDK that is connected to the server over it out. */
import { Client } from "@modelcontextprotocol/client";
import { InMemoryTransport } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { Changes } from "../../../src/server/changes.ts";
import { cleanHistory } from "../../../src/server/clean.ts";
import { serverFactory } from "../../../src/server/mcp-server.ts";
import type { Masker } from "../../../src/server/types.ts";
import type { History } from "../../../src/store/types.ts";

export interface Connected extends AsyncDisposable {
  readonly client: Client;
  readonly changes: Changes;
}

export const NOW_MS = Date.UTC(2026, 10, 20, 13);

export type Era = "legacy" | "modern";

export async function connect(history: History, era: Era, masker?: Masker): Promise<Connected> {
  const shown = cleanHistory(history, masker);
  const changes = new Changes(shown);
  const factory = serverFactory({ history: shown, changes, nowMs: () => NOW_MS, version: "1.2.3" });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const handle = serveStdio(factory, { transport: ours });
  const client = new Client(
    { name: "test", version: "1" },
    { versionNegotiation: { mode: era === "legacy" ? "legacy" : { pin: "2026-07-28" } } },
  );
  await client.connect(theirs);
  return {
    client,
    changes,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await handle.close();
    },
  };
}
