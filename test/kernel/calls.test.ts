/** Calls that do not end well, by programs whose own logs say what became of them. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transportOf } from "./compare.ts";
import { at, type Json, listAt, numberAt, textAt } from "./json.ts";
import { ANY_FRONT_END, missing, PATIENCE_MS, ROOT, titled } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const lacks = missing();
/** What else this machine says is nobody's business here. */
const OWN = ["--attach", ANY_FRONT_END, "--pid", String(process.pid)];
const folder = mkdtempSync(join(tmpdir(), "overhear-unwell."));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;

/** What the program's processes saw. */
interface Seen {
  readonly what: string;
  readonly pid: number;
  readonly name?: string;
  readonly id?: number;
  readonly bytes?: number;
}

class Unwell implements AsyncDisposable {
  readonly #log: string;
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;

  constructor(name: string) {
    this.#log = join(folder, `${name}-${++count}.log`);
    const argv = ["/usr/bin/python3", join(ROOT, "test/traffic/unwell.py"), name, this.#log];
    this.#process = Bun.spawn(argv, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  }

  async ready(): Promise<void> {
    const { value } = await this.#process.stdout.getReader().read();
    expect(Buffer.from(value ?? []).toString()).toStartWith("ready");
  }

  get seen(): readonly Seen[] {
    return readFileSync(this.#log, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  get client(): number {
    return this.#process.pid;
  }

  /** Of what the client sent with these ids. */
  sentBytes(...ids: readonly number[]): number {
    const sent = this.seen.filter(({ what, id }) => what === "sent" && ids.includes(id ?? -1));
    return sent.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  }

  async leave(): Promise<void> {
    await this.#process.stdin.end();
    await this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }
}

/** The whole case, heard from its start. */
async function hear(name: string, ...args: readonly string[]): Promise<[Heard, Unwell]> {
  await using tool = await Tool.start(...OWN, "--kinds", "all", ...args);
  await using unwell = new Unwell(name);
  await unwell.ready();
  await unwell.leave();
  await tool.writes((text) => text.includes('"event":"end"'));
  return [await tool.stop(), unwell];
}

/** Lines of a kind in the session of the program. */
function linesOf(heard: Heard, unwell: Unwell, kind: string): readonly Json[] {
  const isOwn = (line: Json) =>
    ["from_pid", "to_pid"].some((end) => at(transportOf(line), end) === unwell.client);
  return heard.lines.filter((line) => line["kind"] === kind && isOwn(line));
}

function answersOf(heard: Heard, unwell: Unwell): readonly Json[] {
  return linesOf(heard, unwell, "message").filter((line) => line["type"] === "response");
}

/** The end of the program's session. */
function endOf(heard: Heard, unwell: Unwell): Json {
  const end = heard.lines.find(
    (line) => line["event"] === "end" && at(line, "client", "pid") === unwell.client,
  );
  if (end === undefined) throw new Error("the session does not end");
  return end;
}

describe.skipIf(lacks !== undefined)(titled("calls that do not end well", lacks), () => {
  test("equal ids in flight: both answers are flagged, and no duration is stated [mcp/equal-ids]", async () => {
    const [heard, unwell] = await hear("equal");
    const answered = unwell.seen.filter(({ what }) => what === "answered").map(({ name }) => name);
    expect(answered).toEqual(["quick", "slow"]);
    const answers = answersOf(heard, unwell).slice(1);
    const texts = answers.map((line) => textAt(listAt(line, "result", "content")[0], "text"));
    // whoever is paired with the first answer: it is not known
    expect(texts).toEqual(["quick", "slow"]);
    for (const line of answers) {
      expect(line["flags"]).toEqual(["ambiguous_id"]);
      expect(line).not.toHaveProperty("duration_ms");
      expect(line).not.toHaveProperty("server_ms");
    }
    const calls = linesOf(heard, unwell, "call").slice(1);
    expect(calls.map((line) => line["ambiguous"])).toEqual([true, true]);
  });

  test("an id that is used again before its answer came is initialize's by its result [mcp/equal-ids]", async () => {
    const [heard, unwell] = await hear("probe");
    const [answer] = answersOf(heard, unwell);
    expect(answer).toMatchObject({ request: { method: "initialize" } });
    // not the half second that server/discover had waited
    expect(numberAt(answer ?? {}, "duration_ms")).toBeLessThan(500);
    expect(answer).not.toHaveProperty("flags");
    expect(endOf(heard, unwell)).toMatchObject({
      era: "legacy",
      protocol_version: "2025-06-18",
      unanswered: [{ id: 0, method: "server/discover" }],
    });
  });

  test("a call that was cancelled and answered afterwards is cancelled, and in no percentile [mcp/cancelled]", async () => {
    const [heard, unwell] = await hear("cancel");
    expect(unwell.seen.at(-1)).toMatchObject({ what: "answered", name: "given-up" });
    const call = linesOf(heard, unwell, "call").at(-1);
    expect(call).toMatchObject({ outcome: "cancelled", target: "given-up", result: {} });
    expect(heard.summary).toMatchObject({ calls_cancelled: 1, calls_finished: 1 });
    const row = listAt(heard.summary, "calls").find((one) => at(one, "target") === "given-up");
    expect(row).toMatchObject({ calls: 1, errors: 0, cancelled: 1 });
    expect(row).not.toHaveProperty("p50_ms");
  });

  test("a server that dies in the middle of its answer is no loss of the tool's [mcp/peer-loss]", async () => {
    const [heard, unwell] = await hear("crash", "--fail-on-loss");
    const bytes = unwell.seen.find(({ what }) => what === "crashed")?.bytes;
    expect(bytes).toBeGreaterThan(0);
    const losses = linesOf(heard, unwell, "loss").map((line) => [line["reason"], line["bytes"]]);
    expect(losses).toEqual([["unfinished_line", bytes]]);
    expect(heard).toMatchObject({
      exitCode: 0,
      summary: { loss_bytes: 0, peer_loss_bytes: bytes, exact: true },
    });
    expect(endOf(heard, unwell)).toMatchObject({
      reason: "server exited with code 3",
      unanswered: [{ id: 6, method: "tools/call", target: "crashes" }],
    });
    expect(heard.summary).toMatchObject({ unanswered_calls: [{ id: 6, target: "crashes" }] });
  });

  test("a server that hangs: what waits is said once, and what it never read when the run ends [capture/unread]", async () => {
    await using tool = await Tool.start(...OWN);
    await using unwell = new Unwell("hang");
    await unwell.ready();
    await tool.writes((text) => text.includes('"kind":"waiting"'));
    const heard = await tool.stop();
    const waiting = linesOf(heard, unwell, "waiting");
    expect(waiting).toMatchObject([{ id: 8, method: "tools/call", target: "hangs" }]);
    expect(numberAt(waiting[0] ?? {}, "waited_ms")).toBeGreaterThanOrEqual(10_000);
    const losses = linesOf(heard, unwell, "loss");
    expect(losses.map((line) => [line["reason"], line["bytes"]])).toEqual([
      ["unread", unwell.sentBytes(9, 10)],
    ]);
    const [lying] = losses;
    expect(at(transportOf(lying ?? {}), "from_pid")).toBe(unwell.client);
    const ages = Date.parse(String(lying?.["timestamp"])) - Date.parse(String(lying?.["since"]));
    expect(ages).toBeGreaterThan(9_000);
    expect(heard.summary).toMatchObject({
      loss_bytes: 0,
      open_calls: [{ id: 8, target: "hangs" }],
    });
  });

  test.each([
    ["hang", "pipe:"],
    ["socket", "unix:"],
    ["stuffed", "pipe:"],
  ])(
    "a server that hangs leaves what was written unread: %s; and that is no loss of the tool's [capture/unread]",
    async (name, channel) => {
      await using tool = await Tool.start(...OWN, "--fail-on-loss");
      await using unwell = new Unwell(name);
      await unwell.ready();
      // as long as a channel is still for certain
      await Bun.sleep(1_200);
      await tool.caughtUp();
      const heard = await tool.stop();
      const lying = linesOf(heard, unwell, "loss").map((line) => [line["reason"], line["bytes"]]);
      // of the request that is too large as much as a pipe takes
      const bytes = name === "stuffed" ? 65_536 : unwell.sentBytes(9, 10);
      expect(lying).toEqual([["unread", bytes]]);
      const [line = {}] = linesOf(heard, unwell, "loss");
      expect(at(transportOf(line), "from_pid")).toBe(unwell.client);
      expect(textAt(transportOf(line), "channel")).toStartWith(channel);
      expect(heard.exitCode).toBe(0);
      expect(numberAt(heard.summary, "peer_loss_bytes")).toBe(bytes);
    },
  );
});
