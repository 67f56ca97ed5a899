/** overhear comes later than its clients: to connections that were open before, and to processes that had none yet. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { hop, sessionsBetween } from "../compare.ts";
import { type HttpTruth, readHttpTruth } from "../http/truth.ts";
import { numberAt, textAt } from "../json.ts";
import type { Heard } from "../listener.ts";
import { titled } from "../programs.ts";
import { fileSays, Workspace } from "../run-client.ts";
import { callsIn, expectNothingElse } from "./compare.ts";
import { CLIENTS, type ClientKind, missingTls, SERVERS, type ServerKind } from "./programs.ts";
import { listen, runClient, startServer } from "./run.ts";

const LIMIT_MS = 60_000;
const CALLS = 23;

/** Texts of a hop, one sorted list per direction. */
function textsOfHop(heard: Heard, client: number, server: number) {
  const lines = hop(heard, client, server);
  const from = (pid: number) =>
    lines
      .filter((line) => numberAt(line, "http_transport", "from_pid") === pid)
      .map((line) => textAt(line, "raw"))
      .sort();
  return { sent: from(client), received: from(server) };
}

function textsOf(messages: HttpTruth["messages"]) {
  const texts = (sent: boolean) =>
    messages
      .filter((message) => message.sent === sent)
      .map(({ text }) => text)
      .sort();
  return { sent: texts(true), received: texts(false) };
}

/** urllib connects anew for each call. */
const OPEN: readonly (readonly [ClientKind, ServerKind, ...string[]])[] = [
  ["node-https", "node-json"],
  ["node-sdk", "uvicorn"],
  ["bun-fetch", "bun"],
  ["bun-compiled", "node"],
  ["httpx", "node"],
  ["threads", "go-server"],
  ["urllib", "uvicorn"],
  ["go-stripped", "uvicorn"],
];

for (const [client, server] of OPEN) {
  const lacking = missingTls(CLIENTS[client], SERVERS[server]);
  test.skipIf(lacking !== undefined)(
    titled(
      `${client} and ${server}, that talked inside TLS before, are heard from then on`,
      lacking,
    ),
    async () => {
      await using files = await Workspace.create();
      await using running = await startServer(server, files);
      const talking = runClient(client, files, running.url, "--wait", files.file("wait"));
      await Promise.race([fileSays(files.file("wait"), "waiting"), talking]);
      const [before] = await readHttpTruth(files.file("client.jsonl"));
      await using listener = await listen(files, SERVERS[server], CLIENTS[client]);
      await writeFile(files.file("wait"), "go");
      const { truth } = await talking;
      const heard = await listener.stop();

      const after = truth.messages.slice(before?.messages.length);
      const { self } = await running.truth();
      expect(textsOfHop(heard, truth.self, self)).toEqual(textsOf(after));
      const lines = hop(heard, truth.self, self);
      expect(callsIn(lines)).toBe(CALLS);
      expectNothingElse(heard, [truth.self, self], [running.port], lines);
      expect(sessionsBetween(heard, truth.self, self).length).toBeGreaterThanOrEqual(1);
    },
    LIMIT_MS,
  );
}
