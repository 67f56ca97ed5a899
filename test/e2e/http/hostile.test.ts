/** Peers that mean harm, over real connections: memory stays bounded, it is told what became of them, the next is heard. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ends, hop } from "../compare.ts";
import { type JsonObject, numberAt, textAt } from "../json.ts";
import { Listener } from "../listener.ts";
import { INTERPRETERS, titled } from "../programs.ts";
import { Workspace } from "../run-client.ts";
import { CASES, GOOD_ANSWER, GOOD_CALL } from "./hostile.mjs";
import { missingHttp } from "./programs.ts";

const LIMIT_MS = 120_000;
const PATIENCE_MS = 60_000;
/** The collector lags while both cores are busy: 340 to 500 MB with a hundred thousand requests, and with a million. */
const PEAK_KB = 600_000;
const SCRIPT = join(import.meta.dir, "hostile.mjs");
const lacking = missingHttp([], "node");

/** What must be among the lines about a case: the outcome of a line of kind http, or a flag of a message. */
type Told = { readonly outcome: string } | { readonly flag: string } | undefined;

const TOLD: Readonly<Record<string, Told>> = {
  // No exchange has begun, and its connection carried no MCP.
  "a head sent a byte at a time, never whole": undefined,
  "a body sent a byte at a time, never whole": { outcome: "cut" },
  "a request of 100 MB": { outcome: "lost" },
  "an answer of 100 MB in chunks": { outcome: "lost" },
  "an event of 100 MB": { outcome: "lost" },
  "a gzip bomb": { outcome: "lost" },
  "a brotli bomb": { outcome: "lost" },
  "a gzip bomb as an event": { outcome: "lost" },
  "a body shorter than its length": { outcome: "cut" },
  "a body longer than its length": { outcome: "complete" },
  "two lengths that differ": { flag: "ambiguous_http" },
  "a length beside chunks": { flag: "ambiguous_http" },
  "a million header fields": { outcome: "lost" },
  "a chunk line of 10 MB": { flag: "ambiguous_http" },
  "a million chunks of a byte": { flag: "unmatched_response" },
  "a hundred thousand requests that nobody answers": { outcome: "cut" },
  "garbage after an Upgrade": { outcome: "complete" },
  "garbage for an answer": { outcome: "cut" },
};

function isTold(line: JsonObject, told: Told): boolean {
  if (told === undefined) return true;
  if ("outcome" in told) return line["kind"] === "http" && line["outcome"] === told.outcome;
  const { flags } = line;
  return Array.isArray(flags) && flags.includes(told.flag);
}

function peakKb(pid: number): number {
  return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** How often the file holds the text. */
async function count(file: string, text: string): Promise<number> {
  return (await readFile(file, "utf8")).split(text).length - 1;
}

/** Resolves when both good exchanges are written: the one before the hostile one, and the one after it. */
async function goodIsHeard(file: string): Promise<void> {
  const answer = JSON.stringify(GOOD_ANSWER);
  const deadline = Date.now() + PATIENCE_MS;
  while ((await count(file, `"raw":${answer}`)) < 2) {
    if (Date.now() > deadline)
      throw new Error("the good exchange after the hostile one is not heard");
    await Bun.sleep(50);
  }
}

async function hear(name: string) {
  await using files = await Workspace.create();
  await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
  const run = (role: string, ...more: readonly string[]) =>
    Bun.spawn([INTERPRETERS.node, SCRIPT, role, name, ...more], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
  await using server = run("serve");
  const { value } = await server.stdout.getReader().read();
  await using client = run("send", new TextDecoder().decode(value).trim());
  expect(await client.exited).toBe(0);
  await goodIsHeard(listener.file);
  const peak = peakKb(listener.pid);
  const heard = await listener.stop();
  return { heard, peak, clientPid: client.pid, serverPid: server.pid };
}

test("every hostile case has its expectation", () => {
  expect(Object.keys(TOLD)).toEqual(Object.keys(CASES));
});

for (const name of Object.keys(CASES)) {
  test.skipIf(lacking !== undefined)(
    titled(`${name}: memory stays bounded, it is told, and the next exchange is heard`, lacking),
    async () => {
      const { heard, peak, clientPid, serverPid } = await hear(name);
      const texts = hop(heard, clientPid, serverPid).map((line) => textAt(line, "raw"));
      const good = [GOOD_CALL, GOOD_ANSWER, GOOD_CALL, GOOD_ANSWER];
      expect(texts.filter((text) => good.includes(text))).toEqual(good);
      const theirs = heard.lines.filter((line) => {
        const pids: readonly unknown[] = Object.values(ends(line));
        return pids.includes(clientPid) && pids.includes(serverPid);
      });
      expect(theirs.filter((line) => isTold(line, TOLD[name])).length).toBeGreaterThan(0);
      expect(numberAt(heard.summary, "messages")).toBeGreaterThanOrEqual(good.length);
      expect(peak).toBeLessThan(PEAK_KB);
      expect(heard.exitCode).toBe(0);
    },
    LIMIT_MS,
  );
}
