/** Each client with each kind of server over HTTPS: all that they say is heard, once, in its exchange, at both ends. */
import { expect, test } from "bun:test";
import { EMULATED } from "../../kernel/settings.ts";
import { expectSameContent, hop } from "../compare.ts";
import { expectSameExchanges, expectWholeHop } from "../http/compare.ts";
import { missingNginx, startNginx } from "../http/nginx.ts";
import { HttpServer } from "../http/server.ts";
import { at } from "../json.ts";
import { titled } from "../programs.ts";
import { Workspace } from "../run-client.ts";
import { callsIn, expectNothingElse } from "./compare.ts";
import { covers } from "./coverage.ts";
import {
  CLIENTS,
  type ClientKind,
  missingTls,
  NGINX,
  nginxTls,
  POSTERS,
  type PosterKind,
  SERVERS,
  type ServerKind,
} from "./programs.ts";
import { hearsRunning, listen, post, runClient, startServer } from "./run.ts";

const LIMIT_MS = EMULATED ? 240_000 : 60_000;
const CALLS = 23;

/** Further arguments of the client, last. */
const PAIRS: readonly (readonly [ClientKind, ServerKind, ...string[]])[] = [
  ["node-https", "node-json"],
  ["node-https", "go-server"],
  ["node-fetch", "go-stripped-server"],
  ["node-sdk", "uvicorn"],
  ["node-sdk", "node"],
  ["bun-fetch", "node-json"],
  ["bun-sdk", "bun", "--mode", "modern"],
  ["bun-compiled", "node"],
  ["bun-compiled", "bun", "--mode", "modern"],
  ["httpx", "uvicorn"],
  ["httpx", "bun", "--mode", "modern"],
  ["urllib", "node-json"],
  ["urllib", "go-server"],
  ["threads", "node"],
  ["static", "node"],
  ["static", "uvicorn"],
  ["go", "uvicorn"],
  ["go", "go-stripped-server"],
  ["go-stripped", "node"],
  ["go-stripped", "bun"],
];

for (const [client, server, ...more] of PAIRS) {
  const lacking = missingTls(CLIENTS[client], SERVERS[server]);
  const title = `overhear hears all that ${client} and ${server} say inside TLS, once`;
  test.skipIf(lacking !== undefined)(
    titled(title, lacking),
    async () => {
      await using files = await Workspace.create();
      await using listener = await listen(files, SERVERS[server], CLIENTS[client]);
      await using running = await startServer(server, files);
      await hearsRunning(listener, SERVERS[server]);
      const run = await runClient(client, files, running.url, ...more);
      const heard = await listener.stop();

      expect(run.stderr).toContain("client: tools/call\n");
      const said = await running.truth();
      const sessions = expectWholeHop(heard, run.truth, said);
      const lines = hop(heard, run.truth.self, said.self);
      expect(callsIn(lines)).toBe(CALLS);
      expectNothingElse(heard, [run.truth.self, said.self], [running.port], lines);
      expect(sessions.map((session) => at(session, "server_info", "name"))).toEqual([
        SERVERS[server].info,
      ]);
      covers(CLIENTS[client], "client");
      covers(SERVERS[server], "server");
    },
    LIMIT_MS,
  );
}

const POSTS: readonly (readonly [PosterKind, ServerKind])[] = [
  ["curl", "node"],
  ["curl", "go-server"],
  ["curl-tls1.2", "node-json"],
  ["curl-tls1.2", "uvicorn"],
  ["curl-gnutls", "node"],
  ["curl-gnutls", "uvicorn"],
  ["wget", "node"],
  ["wget", "go-stripped-server"],
];

const call = (id: number, method: string, params: unknown) =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });
const clientInfo = { name: "poster", version: "1" };
const HELLO = call(0, "initialize", {
  protocolVersion: "2025-06-18",
  capabilities: {},
  clientInfo,
});

/** A session of 23 calls, each by a process of its own. */
async function postAll(kind: PosterKind, url: string) {
  const opened = await post(kind, url, HELLO, undefined, 0);
  const initialized = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });
  const answers = [opened, await post(kind, url, initialized, opened.session, CALLS + 1)];
  for (let n = 1; n <= CALLS; n++) {
    const params = { name: "echo", arguments: { message: `${kind} ${n}` } };
    answers.push(await post(kind, url, call(n, "tools/call", params), opened.session, n));
  }
  return answers;
}

for (const [poster, server] of POSTS) {
  const lacking = missingTls(POSTERS[poster], SERVERS[server]);
  const title = `each ${poster} that calls ${server} is heard with its own pid, though it lives for milliseconds`;
  test.skipIf(lacking !== undefined)(
    titled(title, lacking),
    async () => {
      await using files = await Workspace.create();
      await using listener = await listen(files, SERVERS[server], POSTERS[poster]);
      await using running = await startServer(server, files);
      await hearsRunning(listener, SERVERS[server]);
      const answers = await postAll(poster, running.url);
      const heard = await listener.stop();

      const said = await running.truth();
      for (const answer of answers) {
        expect([200, 202]).toContain(answer.status);
        const lines = hop(heard, answer.pid, said.self);
        expectSameExchanges(lines, answer.pid, answer.messages);
        expectSameContent(lines);
      }
      const lines = answers.flatMap(({ pid }) => hop(heard, pid, said.self));
      expect(callsIn(lines)).toBe(CALLS);
      const pids = [...answers.map(({ pid }) => pid), said.self];
      expectNothingElse(heard, pids, [running.port], lines);
      expectSameExchanges(lines, said.self, said.messages);
      covers(POSTERS[poster], "client");
      covers(SERVERS[server], "server");
    },
    LIMIT_MS,
  );
}

for (const client of ["node-sdk", "go-stripped"] as const) {
  const lacking = missingTls(CLIENTS[client]) ?? missingNginx;
  test.skipIf(lacking !== undefined)(
    titled(`nginx that ends the TLS of ${client} before a plain server is two hops`, lacking),
    async () => {
      await using files = await Workspace.create();
      await using listener = await listen(files, NGINX, CLIENTS[client]);
      await using server = await HttpServer.start("v1", "node", files.file("server.jsonl"));
      await using proxy = await startNginx(files.file("nginx"), server, nginxTls);
      const [, worker] = await proxy.family();
      if (worker === undefined) throw new Error("nginx has no worker");
      const run = await runClient(client, files, proxy.url);
      const heard = await listener.stop();

      const said = await server.truth();
      const before = hop(heard, run.truth.self, worker);
      const behind = hop(heard, worker, said.self);
      expectSameExchanges(before, run.truth.self, run.truth.messages);
      expectSameExchanges(behind, said.self, said.messages);
      expectSameContent([...before, ...behind]);
      expect([callsIn(before), callsIn(behind)]).toEqual([CALLS, CALLS]);
      const pids = [run.truth.self, worker, said.self];
      expectNothingElse(heard, pids, [proxy.port, server.port], [...before, ...behind]);
      covers(CLIENTS[client], "client");
      covers(NGINX, "server");
    },
    LIMIT_MS,
  );
}
