/**
 * One overhear and programs of all kinds that speak TLS at a time: what tls.test.ts looks at one by one, fit for emulated
 * guests, where each start of it takes long.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { CALLS, EMULATED, PATIENCE_MS, titled } from "./settings.ts";
import {
  BUN,
  byNumber,
  call,
  expected,
  lacks,
  listen,
  NODE,
  type Program,
  Server,
  startClient,
  told,
} from "./tls/parties.ts";
import { GO, lacksPosters, type Poster, post } from "./tls/posters.ts";
import type { Heard } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 3);

/** A process each. */
const POSTS = EMULATED ? 3 : 11;
const OPENSSL = "/libssl.so.";

/** What is to be told, in order, and which of it are first exchanges of a connection. */
interface Said {
  readonly all: readonly string[];
  readonly firsts: ReadonlySet<string>;
}

/** One process: a poster's one call, or all of a client's on one connection. Returns what is to be told. */
async function run(client: Program | Poster, server: Server, id: number): Promise<string[]> {
  if (client !== "curl" && client !== "go") {
    return expected(await call(client, server.port), server.pid, CALLS);
  }
  const pid = await post(client, server.port, id);
  return [`${id} request ${pid}>${server.pid}`, `${id} response ${server.pid}>${pid}`];
}

/** Clients one after another, each with its own file's stack. */
async function callAll(server: Server, ...clients: readonly (Program | Poster)[]): Promise<Said> {
  const all: string[] = [];
  const firsts = new Set<string>();
  for (const client of clients) {
    const processes = client === "curl" || client === "go" ? POSTS : 1;
    for (let id = 0; id < processes; id++) {
      const lines = await run(client, server, id);
      all.push(...lines);
      for (const line of lines.slice(0, 2)) firsts.add(line);
    }
  }
  return { all: all.sort(byNumber), firsts };
}

/**
 * As `told`. In emulation what a connection's first exchange is read from the socket with, and what comes out of the library, may
 * be more than 20 ms apart: its socket is then proved by the next one only. So the other end of its messages may be unknown, or
 * one of them be told once more with an unknown end (docs/limits.md): there, nowhere else. None may be missing, or of a wrong one.
 */
function toldOf(heard: Heard, server: Server, { all, firsts }: Said): string[] {
  const messages = told(heard, server);
  if (!EMULATED) return messages;
  const missing = all.filter((each) => firsts.has(each) && !messages.includes(each));
  return messages
    .flatMap((message) => {
      const pattern = new RegExp(`^${message.replace("NaN", "\\d+")}$`);
      const isOfFirst = [...firsts].some((each) => pattern.test(each));
      if (!message.includes("NaN") || !isOfFirst) return message;
      const at = missing.findIndex((each) => pattern.test(each));
      return at === -1 ? [] : missing.splice(at, 1);
    })
    .sort(byNumber);
}

const NO_PAIRS = lacks("node", "python") ?? lacksPosters("curl", "go");

test.skipIf(NO_PAIRS !== undefined)(
  titled(
    "OpenSSL in Node, Python and curl, BoringSSL in Bun, and Go: each message is told once, with both ends",
    NO_PAIRS,
  ),
  async () => {
    await using node = await Server.start("node");
    await using bun = await Server.start("bun");
    await using go = await Server.start("go");
    const callThem = async () => ({
      node: await callAll(node, "bun", "python", "curl", "go"),
      bun: await callAll(bun, "node", "bun", "python"),
      go: await callAll(go, "go"),
    });
    // a program's first exchange takes a second there, longer than anything waits for its other end
    if (EMULATED) await callThem();
    await using tool = await listen(NODE ?? "", BUN, OPENSSL, GO);
    const all = await callThem();
    await tool.caughtUp();
    const heard = await tool.stop();
    const messages = {
      node: toldOf(heard, node, all.node),
      bun: toldOf(heard, bun, all.bun),
      go: toldOf(heard, go, all.go),
    };
    expect(messages).toEqual({
      node: [...all.node.all],
      bun: [...all.bun.all],
      go: [...all.go.all],
    });
    expect(heard.exitCode).toBe(0);
  },
);

// elsewhere Debian's Node is what the guests have, whose OpenSSL is a library
const NO_OPEN = lacks("node") ?? (process.arch === "x64" ? undefined : "x64");

test.skipIf(NO_OPEN !== undefined)(
  titled("Node and Bun are heard on connections that were open before", NO_OPEN),
  async () => {
    await using node = await Server.start("node");
    await using bun = await Server.start("bun");
    const clients = [
      { caller: startClient("bun", node.port, { first: 2 }), server: node },
      { caller: startClient("node", bun.port, { first: 2 }), server: bun },
    ];
    for (const { caller } of clients) for await (const _ of caller.stdout) break;
    await using tool = await listen(NODE ?? "", BUN);
    for (const { caller } of clients) {
      await caller.stdin.end();
      expect(await caller.exited).toBe(0);
    }
    await tool.caughtUp();
    const heard = await tool.stop();
    for (const { caller, server } of clients) {
      const all = expected(caller.pid, server.pid, CALLS);
      const late = all.filter((each) => Number.parseInt(each, 10) >= 2);
      // which of them proves the socket first nobody knows
      expect(toldOf(heard, server, { all: late, firsts: new Set(late) })).toEqual(late);
    }
  },
);
