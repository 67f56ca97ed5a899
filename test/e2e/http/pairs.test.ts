/** Each HTTP client with each server, over the runtimes: all that they say is heard, once, in its exchange. */
import { expect, test } from "bun:test";
import { EMULATED } from "../../kernel/settings.ts";
import { hop } from "../compare.ts";
import { at } from "../json.ts";
import { Listener } from "../listener.ts";
import { type Runtime, titled } from "../programs.ts";
import { Workspace } from "../run-client.ts";
import { expectWholeHop } from "./compare.ts";
import { type ClientKind, missingHttp, SERVERS, type ServerKind } from "./programs.ts";
import { runHttpClient } from "./run-client.ts";
import { HttpServer } from "./server.ts";

const LIMIT_MS = EMULATED ? 240_000 : 60_000;

type Era = "2024-11-05" | "legacy" | "modern";
type Pair = readonly [Runtime, ClientKind, Runtime, ServerKind, Era];

const PAIRS: readonly Pair[] = [
  ["node", "v1", "node", "everything", "legacy"],
  ["bun", "v1", "node", "everything", "legacy"],
  ["node", "v1", "bun", "everything", "legacy"],
  ["node", "v1", "node", "everything-sse", "2024-11-05"],
  ["bun", "v1", "node", "v1", "legacy"],
  ["node", "v1", "node", "v1-json", "legacy"],
  ["node", "v2", "node", "v1", "legacy"],
  ["node", "v2", "node", "v2", "modern"],
  ["bun", "v2", "node", "v2", "modern"],
  ["node", "v2", "bun", "v2", "modern"],
  ["bun", "v2", "bun", "v2", "modern"],
  ["python", "python", "python", "python", "legacy"],
  ["python", "python", "bun", "v2", "modern"],
  ["python", "python", "node", "everything", "legacy"],
  ["node", "v1", "python", "python", "legacy"],
  ["node", "v1", "python", "fastmcp", "legacy"],
  ["node", "fetch", "node", "v1", "legacy"],
  ["node", "http", "node", "v1-json", "legacy"],
  ["bun", "fetch", "python", "fastmcp", "legacy"],
  ["python", "urllib", "node", "v1-json", "legacy"],
  ["python", "urllib", "python", "python", "legacy"],
];

for (const [runtime, client, serverRuntime, server, era] of PAIRS) {
  const lacking = missingHttp([server], runtime, serverRuntime);
  const title = `overhear hears all that the ${client} client under ${runtime} and the ${server} server under ${serverRuntime} say over HTTP (${era})`;
  test.skipIf(lacking !== undefined)(
    titled(title, lacking),
    async () => {
      await using files = await Workspace.create();
      await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
      await using running = await HttpServer.start(
        server,
        serverRuntime,
        files.file("server.jsonl"),
      );
      const more = SERVERS[server].sse === true ? ["--sse"] : [];
      const isSdk = client === "v1" || client === "v2" || client === "python";
      const mode = isSdk ? ["--mode", era === "modern" ? "modern" : "legacy"] : [];
      const record = files.file("client.jsonl");
      const run = await runHttpClient(client, runtime, record, running.url, ...more, ...mode);
      const heard = await listener.stop();

      expect(run.stderr).toContain("client: tools/call\n");
      const said = await running.truth();
      const [session, ...others] = expectWholeHop(heard, run.truth, said);
      const calls = hop(heard, run.truth.self, said.self).filter(
        (line) => line["method"] === "tools/call" && line["target"] === "echo",
      );
      expect(calls.length).toBe(23);
      expect(others).toEqual([]);
      expect({
        server: at(session, "server_info", "name"),
        era: session?.["era"],
        late: session?.["late_attach"],
      }).toEqual({
        server: SERVERS[server].info,
        era: era === "modern" ? "modern" : "legacy",
        late: false,
      });
      expect(heard.exitCode).toBe(0);
    },
    LIMIT_MS,
  );
}
