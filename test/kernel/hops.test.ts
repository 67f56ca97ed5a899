/** Hops as people build them: tees, supervisors, traces on standard error. What each did is known by its own log. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { at, type Json, listAt, numberAt, parseObject, textAt } from "./json.ts";
import { ANY_FRONT_END, missing, PATIENCE_MS, ROOT, titled } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";

/** What else is said on this host is none of it, and may fill the ring. */
const OWN = ["--attach", ANY_FRONT_END, "--pid", String(process.pid)];

setDefaultTimeout(PATIENCE_MS * 2);
const PYTHON = findPython();
const lacks = missing() ?? (PYTHON === undefined ? "python3" : undefined);

/** The interpreter itself: what is first on the path may be a shell script that looks for it. */
function findPython(): string | undefined {
  const found = Bun.which("python3");
  if (found === null) return undefined;
  const { stdout } = Bun.spawnSync([found, "-c", "import sys; print(sys.executable)"]);
  return stdout.toString().trim();
}

/** What one of test/traffic/hops.py says of itself, and what was heard meanwhile. */
async function run(name: string): Promise<{ truth: Json; heard: Heard }> {
  await using tool = await Tool.start(...OWN, "--kinds", "all");
  const program = Bun.spawn([PYTHON ?? "", "-u", join(ROOT, "test/traffic/hops.py"), name], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const truth = parseObject(await new Response(program.stdout).text());
  await tool.caughtUp();
  return { truth, heard: await tool.stop() };
}

/** Lines of this kind about sessions whose client it is. */
function linesOf({ truth, heard }: { truth: Json; heard: Heard }, kind: string): readonly Json[] {
  const client = numberAt(truth, "client");
  const sessions = heard.lines.filter(
    (line) => line["kind"] === "session" && at(line, "client", "pid") === client,
  );
  const ids = new Set(sessions.map((line) => line["session"]));
  return heard.lines.filter((line) => line["kind"] === kind && ids.has(line["session"]));
}

function outcomes(run: { truth: Json; heard: Heard }): unknown[] {
  return linesOf(run, "call").map((line) => [line["id"], line["outcome"]]);
}

/** What is said of its server's channels; others on this host may have theirs. */
function coverageOf({ truth, heard }: { truth: Json; heard: Heard }): readonly Json[] {
  return heard.lines.filter(
    (line) => line["kind"] === "coverage" && at(line, "process", "pid") === truth["server"],
  );
}

const reasons = (lines: readonly Json[]) => lines.map((line) => line["reason"]);

const ends = (lines: readonly Json[]) => lines.filter((line) => line["event"] === "end");

describe.skipIf(lacks !== undefined)(titled("hops", lacks), () => {
  test.each(["copies_on_stderr", "moved_stdout"])(
    "what a server traces to standard error is no session and answers nothing: %s",
    async (name) => {
      const done = await run(name);
      const { truth, heard } = done;
      expect(outcomes(done)).toEqual(listAt(truth, "received").map((id) => [id, "ok"]));
      expect(ends(linesOf(done, "session"))).toHaveLength(1);
      const server = numberAt(truth, "server");
      const sessions = heard.lines.filter((line) => line["kind"] === "session");
      expect(sessions.filter((line) => at(line, "client", "pid") === server)).toEqual([]);
      const strays = coverageOf(done);
      expect(new Set(reasons(strays))).toEqual(new Set(["stderr"]));
      const sum = (key: string) => strays.reduce((all, line) => all + numberAt(line, key), 0);
      expect([sum("count"), sum("bytes")]).toEqual([
        numberAt(truth, "copies"),
        numberAt(truth, "copied_bytes"),
      ]);
      expect(linesOf(done, "noise")).toEqual([]);
      const told = heard.lines.filter((line) => line["kind"] === "noise");
      const toldBytes = told.reduce((all, line) => all + numberAt(line, "bytes"), 0);
      expect(numberAt(heard.summary, "noise_bytes")).toBe(sum("bytes") + toldBytes);
    },
  );

  test("an answer on standard error leaves its call without one, and that is said", async () => {
    const done = await run("answers_on_stderr");
    expect(outcomes(done)).toEqual([[1, "unanswered"]]);
    expect(reasons(coverageOf(done))).toEqual(["stderr", "stderr_answer"]);
  });

  test.each(["stdout_terminal", "stdout_file"])(
    "where a server's standard output leads that nobody hears is said: %s",
    async (name) => {
      const done = await run(name);
      expect(outcomes(done)).toEqual([[1, "unanswered"]]);
      expect(reasons(coverageOf(done))).toEqual([name]);
    },
  );

  test.each(["tee_on_both_sides", "tees_of_its_own"])(
    "a client that writes to one process and reads from another has one session: %s",
    async (name) => {
      const done = await run(name);
      expect(outcomes(done)).toEqual(listAt(done.truth, "received").map((id) => [id, "ok"]));
      expect(ends(linesOf(done, "session"))).toHaveLength(1);
      expect(numberAt(done.heard.summary, "calls_unanswered")).toBe(0);
    },
  );

  test("a server that is started again goes on with its session; what it had read ends at its death", async () => {
    const done = await run("restarted");
    const { truth } = done;
    expect(outcomes(done)).toEqual([
      [0, "ok"],
      [1, "unanswered"],
      [0, "ok"],
      [1, "ok"],
    ]);
    expect(linesOf(done, "call").map((line) => at(line, "params", "of"))).toEqual([
      undefined,
      "the first",
      undefined,
      "the second",
    ]);
    const named = listAt(done.heard.summary, "unanswered_calls").filter(
      (each) => at(each, "session") === linesOf(done, "session")[0]?.["session"],
    );
    expect(named.map((each) => at(each, "id"))).toEqual([1]);
    const sessions = linesOf(done, "session");
    const change = sessions.find((line) => line["left"] !== undefined);
    expect([
      at(change, "left", "pid"),
      at(change, "left", "exit", "code"),
      at(change, "server", "pid"),
    ]).toEqual([truth["first"], 3, truth["second"]]);
    expect(ends(sessions)).toHaveLength(1);
    expect(textAt(ends(sessions)[0], "reason")).not.toContain("code 3");
  });

  test("a client that becomes another program keeps its session, which says what it is now", async () => {
    const done = await run("client_becomes_another");
    expect(outcomes(done)).toEqual([
      [0, "ok"],
      [1, "ok"],
    ]);
    const commands = linesOf(done, "session").map((line) =>
      listAt(line, "client", "command_line").includes("go_on"),
    );
    expect([commands[0], commands.at(-1), commands.length]).toEqual([false, true, 4]);
  });

  test("a line that a child took a part of names both readers", async () => {
    const done = await run("shared_line");
    const requests = linesOf(done, "message").filter((line) => line["type"] === "request");
    const [shared, whole] = requests;
    expect(at(shared, "stdio_transport", "to_pid")).toBe(done.truth["server"]);
    expect(listAt(shared, "other_readers").map((each) => at(each, "pid"))).toEqual([
      done.truth["child"],
    ]);
    expect(listAt(shared, "flags")).toContain("shared_line");
    expect(at(whole, "other_readers")).toBeUndefined();
  });
});
