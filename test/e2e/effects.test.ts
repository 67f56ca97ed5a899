/** A real server that runs git and fetches from a local server, one call at a time and many at once: what each caused. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { at, isObject, type JsonObject, numberAt, parseObject, textAt } from "./json.ts";
import { type Heard, Listener } from "./listener.ts";
import { INTERPRETERS, missing, OVERHEAR, titled } from "./programs.ts";
import { Workspace } from "./run-client.ts";

setDefaultTimeout(120_000);

const GIT = Bun.which("git");
const lacking = missing("node") ?? (GIT === null ? "git" : undefined);
const when = test.skipIf(lacking !== undefined);
const SERVER = join(import.meta.dir, "servers/causes.mjs");

/** A repository that git can clone from `url`, and a server that counts who connects. */
async function serveRepository(files: Workspace) {
  const repository = files.file("repository.git");
  const script = `set -e; git init -q '${files.file("work")}'; cd '${files.file("work")}'; git config user.email a@b; git config user.name a
    echo hello > file; git add .; git commit -qm one; git clone -q --bare . '${repository}'; cd '${repository}'; git update-server-info`;
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-c", script]);
  if (exitCode !== 0) throw new Error(`git: ${stderr.toString()}`);
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      const file = Bun.file(join(files.path, pathname));
      return (await file.exists()) ? new Response(file) : new Response("none", { status: 404 });
    },
  });
  return { server, port: server.port ?? 0, url: `http://127.0.0.1:${server.port}/repository.git` };
}

class Caller implements AsyncDisposable {
  readonly #client = new Client({ name: "causes-client", version: "1.0.0" });

  static async start(): Promise<Caller> {
    const caller = new Caller();
    const command = { command: INTERPRETERS.node, args: [SERVER] };
    await caller.#client.connect(new StdioClientTransport(command));
    return caller;
  }

  async call(name: string, args: Record<string, string> = {}): Promise<JsonObject> {
    const { content } = await this.#client.callTool({ name, arguments: args });
    const [first] = Array.isArray(content) ? content : [];
    return parseObject(textAt(first, "text"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}

let files: Workspace | undefined;
let heard: Heard | undefined;
let repository: Awaited<ReturnType<typeof serveRepository>> | undefined;
const answers = new Map<string, JsonObject>();
let many: readonly JsonObject[] = [];
let closedPort = 0;

beforeAll(async () => {
  if (lacking !== undefined) return;
  const space = await Workspace.create();
  files = space;
  const served = await serveRepository(space);
  repository = served;
  await using listener = await Listener.start(
    space.file("heard.ndjson"),
    ...["--kinds", "all", "--files"],
  );
  await using caller = await Caller.start();
  // whose files are told is known when its first message has been heard
  while (!(await Bun.file(listener.file).text()).includes("causes-client")) await Bun.sleep(20);
  const ask = async (as: string, tool: string, args: Record<string, string> = {}) => {
    answers.set(as, await caller.call(tool, args));
  };
  await ask("clone", "clone", { url: served.url, to: space.file("cloned") });
  await ask("clone-fails", "clone", { url: `${served.url}x`, to: space.file("never") });
  await ask("fetch", "fetch", { url: `http://127.0.0.1:${served.port}/work/file` });
  const closed = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data: () => undefined } });
  closedPort = closed.port;
  closed.stop(true);
  await ask("refused", "fetch-refused", { url: `http://127.0.0.1:${closedPort}/` });
  await ask("nothing", "nothing");
  await ask("write", "write", { path: space.file("one"), other: space.file("two") });
  many = await Promise.all(
    Array.from({ length: 7 }, (_, index) =>
      caller.call("clone", { url: served.url, to: space.file(`many-${index}`) }),
    ),
  );
  await ask("leave-behind", "leave-behind", { script: "sleep 0.7; uname > /dev/null" });
  // another call is open while what was left behind goes on
  for (let n = 0; n < 12; n++) {
    await caller.call("fetch", { url: `http://127.0.0.1:${served.port}/work/file` });
    await Bun.sleep(100);
  }
  heard = await listener.stop();
});

afterAll(async () => {
  await repository?.server.stop(true);
  await files?.[Symbol.asyncDispose]();
});

function callsOf(tool: string): readonly JsonObject[] {
  return (heard?.lines ?? []).filter(
    (line) => line["kind"] === "call" && line["method"] === "tools/call" && line["target"] === tool,
  );
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

function effectsOf(call: JsonObject | undefined, kind: string): readonly JsonObject[] {
  return listAt(call, "effects")
    .filter((effect) => isObject(effect) && effect["kind"] === kind)
    .filter(isObject);
}

when(
  titled(
    "a call has the program that its server ran, with its exit, and what that ran and reached [effects/tree]",
    lacking,
  ),
  () => {
    const [call] = callsOf("clone");
    const [git, ...others] = effectsOf(call, "exec");
    expect(git).toMatchObject({
      pid: numberAt(answers.get("clone"), "pid"),
      argv: ["git", "clone", "-q", repository?.url, files?.file("cloned")],
      exit: { code: 0, signal: null },
    });
    expect(others.map((each) => listAt(each, "argv").join(" ")).join("\n")).toContain(
      "remote-http",
    );
    const connects = effectsOf(call, "connect").filter((each) => each["protocol"] === "tcp");
    expect(connects.length).toBeGreaterThan(0);
    for (const each of connects) {
      expect(each).toMatchObject({ destination: `127.0.0.1:${repository?.port}` });
      expect(["established", "closed"]).toContain(textAt(each, "outcome"));
      expect(at(each, "candidates")).toBeUndefined();
      // by git's helper, not by the server
      expect(others.map((other) => other["pid"])).toContain(each["pid"]);
    }
  },
);

when(titled("a program that fails is told with its exit code", lacking), () => {
  const [, call] = callsOf("clone");
  expect(effectsOf(call, "exec")[0]).toMatchObject({
    pid: numberAt(answers.get("clone-fails"), "pid"),
    exit: { code: 128, signal: null },
  });
});

when(titled("a call has the connections of its server itself, and how they went", lacking), () => {
  const [fetched] = callsOf("fetch");
  const [refused] = callsOf("fetch-refused");
  const server = numberAt(fetched, "stdio_transport", "to_pid");
  const tcp = (call: JsonObject | undefined) =>
    effectsOf(call, "connect").filter((each) => each["protocol"] === "tcp");
  expect(tcp(fetched)).toEqual([
    expect.objectContaining({
      pid: server,
      destination: `127.0.0.1:${repository?.port}`,
      latency_ms: expect.any(Number),
    }),
  ]);
  expect(tcp(refused)).toEqual([
    expect.objectContaining({
      pid: server,
      destination: `127.0.0.1:${closedPort}`,
      outcome: "refused",
      errno: "ECONNREFUSED",
    }),
  ]);
});

when(titled("a call that does nothing causes nothing", lacking), () => {
  const [call] = callsOf("nothing");
  expect(call).toBeDefined();
  expect(at(call, "effects")).toBeUndefined();
});

when(
  titled(
    "a call has the files that it created, wrote to, renamed and unlinked [effects/files]",
    lacking,
  ),
  () => {
    const [call] = callsOf("write");
    const changes = effectsOf(call, "file").map((each) => [
      each["change"],
      each["path"],
      each["to"],
    ]);
    const one = files?.file("one");
    const two = files?.file("two");
    expect(changes).toEqual([
      ["create", one, undefined],
      ["write", one, undefined],
      ["rename", one, two],
      ["unlink", two, undefined],
    ]);
    const [clone] = callsOf("clone");
    const created = effectsOf(clone, "file").filter((each) => each["change"] === "create");
    const paths = created.map((each) => each["path"]);
    expect(paths).toContain(`${files?.file("cloned")}/.git/config`.replace("config", "HEAD.lock"));
    expect(paths.every((path) => typeof path === "string" && path.startsWith("/"))).toBe(true);
  },
);

when(
  titled(
    "of many calls at once each is among the candidates of what it caused, and none has what is another's [effects/candidates]",
    lacking,
  ),
  () => {
    const calls = callsOf("clone").slice(2);
    expect(calls.length).toBe(7);
    const pids = new Map<unknown, number>();
    for (const call of calls) {
      const text = textAt(listAt(call, "result", "content")[0], "text");
      pids.set(call["id"], numberAt(parseObject(text), "pid"));
    }
    expect(new Set(pids.values())).toEqual(new Set(many.map((each) => numberAt(each, "pid"))));
    let shared = 0;
    for (const call of calls) {
      const execs = effectsOf(call, "exec").filter((each) => listAt(each, "argv")[0] === "git");
      const own = execs.find((each) => each["pid"] === pids.get(call["id"]));
      expect(own).toBeDefined();
      for (const each of execs) {
        const candidates = listAt(each, "candidates");
        if (candidates.length === 0) expect(each["pid"]).toBe(pids.get(call["id"]) ?? 0);
        else {
          shared++;
          expect(candidates).toContain(call["id"]);
          expect(candidates.length).toBeGreaterThan(1);
          // whose it is in truth is named
          const owner = [...pids].find(([, pid]) => pid === each["pid"])?.[0];
          if (owner !== undefined) expect(candidates).toContain(owner);
        }
      }
    }
    expect(shared).toBeGreaterThan(0);
  },
);

when(
  titled(
    "what outlives its call stays with it, whatever else is open then [effects/outlives]",
    lacking,
  ),
  () => {
    const [call] = callsOf("leave-behind");
    const late = (heard?.lines ?? []).filter((line) => line["kind"] === "effect");
    const uname = late.filter((line) => listAt(line, "effect", "argv")[0] === "uname");
    expect(uname).toEqual([expect.objectContaining({ id: call?.["id"], target: "leave-behind" })]);
    expect(at(uname[0], "effect", "candidates")).toBeUndefined();
    const elsewhere = callsOf("fetch").flatMap((each) => effectsOf(each, "exec"));
    expect(elsewhere).toEqual([]);
  },
);

when(
  titled("the summary says which programs a tool ran, and which hosts it reached", lacking),
  () => {
    const rows = listAt(heard?.summary, "calls");
    const row = (tool: string) => rows.find((each) => at(each, "target") === tool);
    const place = `127.0.0.1:${repository?.port}`;
    expect(numberAt(row("clone"), "programs", "git")).toBeGreaterThan(0);
    expect(numberAt(row("clone"), "reached", place)).toBeGreaterThan(0);
    expect(row("fetch")).toMatchObject({ reached: { [place]: 13 } });
    expect(at(row("nothing"), "programs")).toBeUndefined();
  },
);

when(titled("a replay shows below each answer what its call caused", lacking), () => {
  const args = [
    "replay",
    "--format",
    "console",
    "--color",
    "never",
    files?.file("heard.ndjson") ?? "",
  ];
  const { stdout } = Bun.spawnSync([OVERHEAR, ...args]);
  const lines = stdout.toString().split("\n");
  const answer = lines.findIndex((line) => line.includes("RES ") && line.includes("clone"));
  const under = lines.slice(answer + 1, answer + 6).join("\n");
  expect(under).toMatch(/^ +↳ exec git clone -q http:.* exit 0 after /);
  expect(under).toContain(`↳ connect 127.0.0.1:${repository?.port} ok`);
  expect(stdout.toString()).toMatch(/ causes clone: ran git \d+/);
  expect(stdout.toString()).toContain(`↳ connect 127.0.0.1:${closedPort} refused ECONNREFUSED`);
});
