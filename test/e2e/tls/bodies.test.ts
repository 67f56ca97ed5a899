/** Bodies of every kind inside TLS: in chunks, event streams, compressed, of a megabyte in either direction. */
import { expect, test } from "bun:test";
import { hop } from "../compare.ts";
import { expectWholeHop } from "../http/compare.ts";
import { at, numberAt, textAt } from "../json.ts";
import { titled } from "../programs.ts";
import { Workspace } from "../run-client.ts";
import { expectNothingElse } from "./compare.ts";
import { CLIENTS, type ClientKind, missingTls, SERVERS, type ServerKind } from "./programs.ts";
import { hearsRunning, listen, runClient, startServer } from "./run.ts";

const LIMIT_MS = 60_000;
const CALLS = 23;
const LARGE_BYTES = 1024 * 1024;
const LARGE = String(LARGE_BYTES);

interface Bodies {
  readonly client: ClientKind;
  readonly server: ServerKind;
  readonly what: string;
  readonly options: readonly string[];
  /** Least bytes of each request and of each answer, without what is around the text; undefined: as they come. */
  readonly requestBytes?: number;
  readonly answerBytes?: number;
}

const BODIES: readonly Bodies[] = [
  {
    ...{ client: "node-https", server: "node", what: "event streams of 1 MB" },
    ...{ options: ["--size", LARGE], answerBytes: LARGE_BYTES },
  },
  {
    ...{ client: "node-https", server: "node-json", what: "compressed bodies of 1 MB" },
    options: ["--size", LARGE],
  },
  {
    ...{ client: "node-https", server: "bun", what: "requests in chunks" },
    options: ["--chunked"],
  },
  {
    ...{ client: "node-https", server: "go-server", what: "requests of 1 MB in chunks" },
    ...{
      options: ["--chunked", "--send", LARGE],
      requestBytes: LARGE_BYTES,
      answerBytes: LARGE_BYTES,
    },
  },
  {
    ...{ client: "bun-fetch", server: "node-json", what: "requests of 1 MB" },
    ...{ options: ["--send", LARGE], requestBytes: LARGE_BYTES },
  },
  {
    ...{ client: "threads", server: "uvicorn", what: "1 MB in either direction" },
    ...{ options: ["--send", LARGE], requestBytes: LARGE_BYTES, answerBytes: LARGE_BYTES },
  },
  {
    ...{ client: "go", server: "bun", what: "1 MB in either direction" },
    ...{ options: ["--send", LARGE], requestBytes: LARGE_BYTES, answerBytes: LARGE_BYTES },
  },
];

for (const { client, server, what, options, requestBytes = 0, answerBytes = 0 } of BODIES) {
  const lacking = missingTls(CLIENTS[client], SERVERS[server]);
  test.skipIf(lacking !== undefined)(
    titled(`${client} and ${server} are heard inside TLS: ${what}`, lacking),
    async () => {
      await using files = await Workspace.create();
      await using listener = await listen(files, SERVERS[server], CLIENTS[client]);
      await using running = await startServer(server, files);
      await hearsRunning(listener, SERVERS[server]);
      const { truth } = await runClient(client, files, running.url, ...options);
      const heard = await listener.stop();

      const said = await running.truth();
      expectWholeHop(heard, truth, said);
      const lines = hop(heard, truth.self, said.self);
      expectNothingElse(heard, [truth.self, said.self], [running.port], lines);
      const calls = lines.filter((line) => line["method"] === "tools/call");
      expect(calls.length).toBe(CALLS);
      const answers = lines.filter((line) => at(line, "request", "method") === "tools/call");
      const least = (of: typeof lines) => Math.min(...of.map((line) => numberAt(line, "bytes")));
      expect(least(calls)).toBeGreaterThanOrEqual(requestBytes);
      expect(least(answers)).toBeGreaterThanOrEqual(answerBytes);
      if (server === "node") {
        expect(new Set(answers.map((line) => textAt(line, "http_transport", "mode")))).toEqual(
          new Set(["sse"]),
        );
      }
      if (options.includes("--size")) {
        const texts = answers.map((line) => textAt(line, "raw").length);
        expect(Math.min(...texts)).toBeGreaterThanOrEqual(LARGE_BYTES / 2);
      }
    },
    LIMIT_MS,
  );
}
