/** Texts that are not lines, and relays with frames of their own, as programs of other runtimes write them. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { at, type Json, listAt, numberAt, textAt } from "./json.ts";
import { ANY_FRONT_END, missing, PATIENCE_MS, ROOT, titled } from "./settings.ts";
import { Tool } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const lacks = missing();
const PROGRAM = join(ROOT, "test/traffic/framings.py");
const CALLS = 3;
const KINDS = ["--kinds", "message,call,session,coverage"];

/** What it says of its processes: the client, and who the client speaks to. */
async function talk(kind: string): Promise<readonly number[]> {
  const program = Bun.spawn(["python3", PROGRAM, kind], { stdout: "pipe", timeout: PATIENCE_MS });
  const said = await program.stdout.text();
  expect(await program.exited).toBe(0);
  return said.trim().split(/\s+/).map(Number);
}

interface Found {
  readonly calls: readonly unknown[];
  readonly flags: readonly unknown[];
  readonly sessions: readonly unknown[];
}

/** Of the calls: [client, server, id, outcome]; flags of all messages, each once. */
function find(lines: readonly Json[], kind: string, parties: readonly number[]): Found {
  const isIts = (line: Json) => {
    const { from_pid, to_pid } = { ...ends(line) };
    return parties.includes(from_pid) && parties.includes(to_pid);
  };
  const its = lines.filter((line) => isIts(line) || textAt(line, "target") === `framed-${kind}`);
  const calls = its
    .filter((line) => textAt(line, "kind") === "call")
    .map((line) => [
      ends(line).from_pid,
      ends(line).to_pid,
      at(line, "id"),
      textAt(line, "outcome"),
    ]);
  const flags = its
    .filter((line) => textAt(line, "kind") === "message")
    .flatMap((line) => listAt(line, "flags"));
  const sessions = lines
    .filter((line) => textAt(line, "kind") === "session" && textAt(line, "event") === "start")
    .filter((line) => parties.includes(numberAt(line, "client", "pid")))
    .map((line) => [numberAt(line, "client", "pid"), numberAt(line, "server", "pid")]);
  return { calls, flags: [...new Set(flags)].sort(), sessions };
}

function ends(line: Json) {
  return {
    from_pid: numberAt(line, "stdio_transport", "from_pid"),
    to_pid: numberAt(line, "stdio_transport", "to_pid"),
  };
}

function callsOf(client = 0, server = 0, count = CALLS) {
  return Array.from({ length: count }, (_, id) => [client, server, id, "ok"]);
}

describe.skipIf(lacks !== undefined)(titled("framings", lacks), () => {
  test.each([
    ["pretty", ["multi_line"], CALLS],
    ["headed", ["content_length"], CALLS],
    ["mixed", ["content_length"], CALLS],
    ["bare", ["no_line_end"], CALLS],
    ["gives-up", ["no_line_end"], 1],
    ["nan", ["invalid_json"], CALLS],
    ["pty", [], CALLS],
  ])(
    "a conversation framed as %s is one session, and all of its calls are answered",
    async (kind, flags, count) => {
      await using tool = await Tool.start("--attach", ANY_FRONT_END, ...KINDS);
      const parties = await talk(kind);
      const [client, server] = parties;
      const { lines, summary } = await tool.stop();
      expect(find(lines, kind, parties)).toEqual({
        calls: callsOf(client, server, count),
        flags,
        sessions: [[client, server]],
      });
      expect(at(summary, "exact")).toBe(true);
    },
  );

  test("both hops of a container that is attached to are heard", async () => {
    await using tool = await Tool.start("--attach", ANY_FRONT_END, ...KINDS);
    const [client, daemon, server] = await talk("docker");
    const parties = [client ?? 0, daemon ?? 0, server ?? 0];
    const { lines, summary } = await tool.stop();
    const { calls, flags, sessions } = find(lines, "docker", parties);
    const sorted = [...calls].sort((a, b) => String(a).localeCompare(String(b)));
    const expected = [...callsOf(client, daemon), ...callsOf(daemon, server)];
    expect({ calls: sorted, flags, sessions }).toEqual({
      calls: expected.sort((a, b) => String(a).localeCompare(String(b))),
      flags: [],
      sessions: [
        [client, daemon],
        [daemon, server],
      ],
    });
    expect(numberAt(summary, "http_bytes")).toBeGreaterThan(0);
  });
});
