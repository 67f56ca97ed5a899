/** Who is who when there are several: clients at once, servers alike, wrappers and relays between. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import {
  expectSameTexts,
  expectWholeSession,
  firstDifference,
  hop,
  sessionsBetween,
  texts,
} from "./compare.ts";
import { at, isObject, textAt } from "./json.ts";
import { type Heard, Listener } from "./listener.ts";
import { clientCommand, INTERPRETERS, missing, serverCommand, titled } from "./programs.ts";
import { runClient, Workspace } from "./run-client.ts";
import { type Conversation, readTruth } from "./truth.ts";

const LIMIT_MS = 60_000;
const lacking = missing("node");
const when = test.skipIf(lacking !== undefined);

/** A word of a shell command line. */
function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(" ");
}

function only(conversations: readonly Conversation[]): Conversation {
  const [first, ...others] = conversations;
  if (first === undefined || others.length > 0) {
    throw new Error(`${conversations.length} conversations were recorded, 1 was expected`);
  }
  return first;
}

when(
  titled(
    "three servers that receive identical initialize messages are three sessions [stdio/pair]",
    lacking,
  ),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
    const three = [INTERPRETERS.node, join(import.meta.dir, "clients/three.mjs")];
    const run = await runClient(files.file("truth.jsonl"), three, serverCommand("node", "v2"));
    const heard = await listener.stop();

    expect(new Set(run.conversations.map((each) => each.lines[0]?.text)).size).toBe(1);
    const ids = run.conversations.map((truth) => expectWholeSession(heard, truth));
    expect(new Set(ids).size).toBe(3);
    for (const truth of run.conversations) {
      const calls = hop(heard, truth.self, truth.peer).filter(
        (line) => line["method"] === "tools/call",
      );
      expect(calls.length).toBe(23);
    }
  },
  LIMIT_MS,
);

when(
  titled("three clients at once are three sessions, each whole", lacking),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
    const runs = await Promise.all(
      [1, 2, 3].map((n) =>
        runClient(
          files.file(`truth-${n}.jsonl`),
          clientCommand("node", "v1"),
          serverCommand("node", "everything"),
          ["--name", `client-${n}`],
        ),
      ),
    );
    const heard = await listener.stop();

    for (const [index, run] of runs.entries()) {
      const truth = only(run.conversations);
      expectWholeSession(heard, truth);
      const [session] = sessionsBetween(heard, truth.self, truth.peer);
      expect(at(session, "client_info", "name")).toBe(`client-${index + 1}`);
    }
  },
  LIMIT_MS,
);

when(
  titled("the reader is named, not the shell that started it", lacking),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
    const server = [...serverCommand("node", "v2"), "--log", files.file("server.jsonl")];
    // The second command keeps the shell from replacing itself by the first.
    const shell = ["sh", "-c", `${quoted(server)}; exit $?`];
    const run = await runClient(files.file("truth.jsonl"), clientCommand("node", "v2"), shell);
    const heard = await listener.stop();

    const truth = only(run.conversations);
    const said = only(await readTruth(files.file("server.jsonl")));
    expect(said.self).not.toBe(truth.peer);
    expectWholeSession(heard, truth, said.self);
    const [session] = sessionsBetween(heard, truth.self, said.self);
    expect(at(session, "server", "command_line")).toEqual(server);
    // The server's own record of both directions is the client's, seen from the other side.
    const seenByServer = said.lines.map((line) => ({ ...line, sent: !line.sent }));
    expectSameTexts(hop(heard, truth.self, said.self), truth.self, said.self, seenByServer);
  },
  LIMIT_MS,
);

const noNpx = lacking ?? (Bun.which("npx") === null ? "npx" : undefined);
test.skipIf(noNpx !== undefined)(
  titled("the server behind npx is named by its own process", noNpx),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
    const npx = ["npx", "--no-install", "mcp-server-everything"];
    const run = await runClient(files.file("truth.jsonl"), clientCommand("node", "v1"), npx);
    const heard = await listener.stop();

    const truth = only(run.conversations);
    const server = truth.tree.at(-1);
    if (server === undefined || server.pid === truth.peer)
      throw new Error("npx started no process");
    expect(server.command.join(" ")).toContain("mcp-server-everything");
    expectWholeSession(heard, truth, server.pid);
  },
  LIMIT_MS,
);

/** Process ids of the messages' other ends, seen from `pid`. */
function endsOf(heard: Heard, pid: number): Set<unknown> {
  const ends = new Set<unknown>();
  for (const line of heard.lines) {
    const transport = line["stdio_transport"];
    if (line["kind"] !== "message" || !isObject(transport)) continue;
    if (transport["from_pid"] === pid) ends.add(transport["to_pid"]);
    if (transport["to_pid"] === pid) ends.add(transport["from_pid"]);
  }
  return ends;
}

when(
  titled("a relay in one process is two hops, each with every message once", lacking),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
    const server = [...serverCommand("node", "v2"), "--log", files.file("server.jsonl")];
    const relay = [INTERPRETERS.node, join(import.meta.dir, "relays/relay.mjs"), ...server];
    const run = await runClient(files.file("truth.jsonl"), clientCommand("node", "v2"), relay);
    const heard = await listener.stop();

    const truth = only(run.conversations);
    const said = only(await readTruth(files.file("server.jsonl")));
    const first = expectWholeSession(heard, truth);
    const second = hop(heard, truth.peer, said.self);
    expectSameTexts(second, truth.peer, said.self, truth.lines);
    expect(new Set(second.map((line) => textAt(line, "session"))).has(first)).toBe(false);
    expect(endsOf(heard, truth.self)).toEqual(new Set([truth.peer]));
    expect(endsOf(heard, said.self)).toEqual(new Set([truth.peer]));
  },
  LIMIT_MS,
);

when(
  titled("a tee before and a tee behind the server are a hop each", lacking),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
    const server = [...serverCommand("node", "v2"), "--log", files.file("server.jsonl")];
    const pipeline = ["sh", "-c", `tee /dev/null | ${quoted(server)} | tee /dev/null`];
    const run = await runClient(files.file("truth.jsonl"), clientCommand("node", "v2"), pipeline);
    const heard = await listener.stop();

    const truth = only(run.conversations);
    const said = only(await readTruth(files.file("server.jsonl")));
    const tees = [...endsOf(heard, truth.self)];
    expect(tees.length).toBe(2);
    const lines = heard.lines.filter((line) => line["kind"] === "message");
    const sent = truth.lines.filter((line) => line.sent).map((line) => line.text);
    const received = truth.lines.filter((line) => !line.sent).map((line) => line.text);
    const between = (from: number, to: (pid: unknown) => boolean) =>
      texts(
        lines.filter((line) => to(at(line, "stdio_transport", "to_pid"))),
        from,
      );
    const isTee = (pid: unknown) => tees.includes(pid);
    const intoServer = lines.filter((line) => at(line, "stdio_transport", "to_pid") === said.self);
    const outOfTees = lines.filter((line) => at(line, "stdio_transport", "to_pid") === truth.self);
    expect(firstDifference(between(truth.self, isTee), sent)).toBeUndefined();
    expect(
      firstDifference(
        intoServer.map((line) => textAt(line, "raw")),
        sent,
      ),
    ).toBeUndefined();
    expect(firstDifference(between(said.self, isTee), received)).toBeUndefined();
    expect(
      firstDifference(
        outOfTees.map((line) => textAt(line, "raw")),
        received,
      ),
    ).toBeUndefined();
  },
  LIMIT_MS,
);
