/** Late attach, loss that is forced, and replay: what the tool says about what it could not hear, or heard before. */
import { expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import {
  expectSameContent,
  expectSameTexts,
  expectWholeSession,
  firstDifference,
  hop,
  sessionsBetween,
} from "./compare.ts";
import { at, type JsonObject, numberAt, textAt } from "./json.ts";
import { type Heard, Listener } from "./listener.ts";
import {
  type ClientName,
  clientCommand,
  missing,
  OVERHEAR,
  type Runtime,
  type ServerName,
  serverCommand,
  titled,
} from "./programs.ts";
import { fileSays, runClient, Workspace } from "./run-client.ts";
import { type Conversation, readTruth, wireBytes } from "./truth.ts";

const LIMIT_MS = 60_000;

const LATE: readonly (readonly [Runtime, ClientName, ServerName])[] = [
  ["node", "v2", "v2"],
  ["bun", "v2", "v2"],
  ["python", "python", "python"],
];

for (const [runtime, client, server] of LATE) {
  const lacking = missing(runtime);
  test.skipIf(lacking !== undefined)(
    titled(
      `overhear started in the middle of a session of ${runtime} hears all from then on`,
      lacking,
    ),
    async () => {
      await using files = await Workspace.create();
      const running = runClient(
        files.file("truth.jsonl"),
        clientCommand(runtime, client),
        serverCommand(runtime, server),
        ["--wait", files.file("wait")],
      );
      await fileSays(files.file("wait"), "waiting");
      const [before] = await readTruth(files.file("truth.jsonl"));
      await using listener = await Listener.start(files.file("heard.ndjson"));
      await writeFile(files.file("wait"), "go");
      const [truth] = (await running).conversations;
      const heard = await listener.stop();
      if (before === undefined || truth === undefined) throw new Error("nothing was recorded");

      const lines = hop(heard, truth.self, truth.peer);
      expectSameTexts(lines, truth.self, truth.peer, truth.lines.slice(before.lines.length));
      expectSameContent(lines);
      const [session, ...others] = sessionsBetween(heard, truth.self, truth.peer);
      expect(others).toEqual([]);
      expect(session?.["late_attach"]).toBe(true);
    },
    LIMIT_MS,
  );
}

/** Sum of `bytes` over the lines of a kind on the channels between the two ends. */
function bytesBetween(heard: Heard, kind: string, { self, peer }: Conversation): number {
  // Node and its children also have pipes to themselves; what is lost there is none of theirs.
  const theirs = (line: JsonObject) => {
    const from = at(line, "stdio_transport", "from_pid");
    const to = at(line, "stdio_transport", "to_pid");
    const isBetween = (from === self && to === peer) || (from === peer && to === self);
    return line["kind"] === kind && isBetween;
  };
  return heard.lines.filter(theirs).reduce((sum, line) => sum + numberAt(line, "bytes"), 0);
}

const lacking = missing("node");
const when = test.skipIf(lacking !== undefined);

when(
  titled(
    "what a stopped overhear with a small ring misses is reported as loss, to the byte",
    lacking,
  ),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--ring", "64K");
    const running = runClient(
      files.file("truth.jsonl"),
      clientCommand("node", "v1"),
      serverCommand("node", "everything"),
      ["--wait", files.file("wait")],
    );
    await fileSays(files.file("wait"), "waiting");
    listener.kill("SIGSTOP");
    await writeFile(files.file("wait"), "go");
    const [truth] = (await running).conversations;
    listener.kill("SIGCONT");
    const heard = await listener.stop();
    if (truth === undefined) throw new Error("nothing was recorded");

    const lost = bytesBetween(heard, "loss", truth);
    expect(lost).toBeGreaterThan(0);
    expect(bytesBetween(heard, "message", truth) + lost).toBe(wireBytes(truth.lines));
    const heardTexts = hop(heard, truth.self, truth.peer).map((line) => textAt(line, "raw"));
    const said = new Set(truth.lines.map((line) => line.text));
    expect(heardTexts.filter((text) => !said.has(text))).toEqual([]);
    expect(heardTexts.length).toBeLessThan(truth.lines.length);
    expect(numberAt(heard.summary, "loss", "ring_full")).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

/** The lines of these kinds, as text. */
function linesOf(texts: readonly string[], ...kinds: readonly string[]): string[] {
  return texts.filter((text) => kinds.some((kind) => text.startsWith(`{"kind":"${kind}",`)));
}

when(
  titled(
    "a recorded file replayed gives the same message, call and session lines [replay/equal]",
    lacking,
  ),
  async () => {
    await using files = await Workspace.create();
    await using listener = await Listener.start(files.file("heard.ndjson"), "--kinds", "all");
    const run = await runClient(
      files.file("truth.jsonl"),
      clientCommand("node", "v1"),
      serverCommand("node", "everything"),
    );
    const heard = await listener.stop();
    const [truth] = run.conversations;
    if (truth === undefined) throw new Error("nothing was recorded");
    expectWholeSession(heard, truth);

    const replay = Bun.spawn(
      [
        OVERHEAR,
        "replay",
        "--format",
        "ndjson",
        "-b",
        "--kinds",
        "all",
        files.file("heard.ndjson"),
      ],
      { stdin: "ignore", stdout: Bun.file(files.file("replayed.ndjson")), stderr: "pipe" },
    );
    const complaint = await new Response(replay.stderr).text();
    expect({ code: await replay.exited, complaint }).toEqual({ code: 0, complaint: "" });
    const replayed = (await readFile(files.file("replayed.ndjson"), "utf8")).split("\n");
    for (const kind of ["message", "call", "session"]) {
      expect(firstDifference(linesOf(replayed, kind), linesOf(heard.texts, kind))).toBeUndefined();
    }
    const summary = linesOf(replayed, "summary");
    expect(summary.length).toBe(1);
    expect(at(JSON.parse(summary[0] ?? ""), "replay")).toBe(true);
  },
  LIMIT_MS,
);
