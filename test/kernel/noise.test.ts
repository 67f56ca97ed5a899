/** Servers that print more than messages, compared with their own count of what they printed: nothing is unsaid. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertNdjsonText } from "../unit/sinks/validate.ts";
import { at, type Json, listAt, numberAt, parseObject, textAt } from "./json.ts";
import { FRONT_ENDS, missing, OVERHEAR, PATIENCE_MS, titled, worksHere } from "./settings.ts";

setDefaultTimeout(PATIENCE_MS * 2);
const lacks = missing();
const directory = mkdtempSync(join(tmpdir(), "overhear-noise."));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What every server here has: it counts what it prints beside its messages, and leaves the count in a file. */
const SERVER = `import json, os, sys
printed = {"bytes": 0, "answers": 0}
def say(text, fd=1):
    data = text.encode()
    while data: data = data[os.write(fd, data):]
    if fd == 1: printed["bytes"] += len(text.encode())
def answer(message, before=""):
    line = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"tools": []}}) + "\\n"
    os.write(1, (before + line).encode())
    if before: printed["bytes"] += len((before + line).encode())
    else: printed["answers"] += 1
def log(size, end):
    lines = [f"{n:6} Compiling src/module_{n:06}.ts ".ljust(99, ".") + end for n in range(size // 100)]
    for n in range(0, len(lines), 20): say("".join(lines[n:n + 20]))
def ask(): return json.loads(sys.stdin.buffer.readline())
def leave(code=0):
    with open(sys.argv[1], "w") as truth: json.dump(printed, truth)
    os._exit(code)
`;

/** Starts it, over pipes or as Node does over a pair of sockets each, and asks whenever it says that it is ready; ends with
 * it. */
const CLIENT = `import socket, subprocess, sys, threading, time
def over_pipes(command):
    server = subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1)
    return server, server.stdin, server.stdout, server.stderr
def over_sockets(command):
    pairs = [socket.socketpair() for _ in range(3)]
    server = subprocess.Popen(command, **dict(zip(("stdin", "stdout", "stderr"), (theirs for _, theirs in pairs))))
    for _, theirs in pairs: theirs.close()
    ours = [own.makefile(mode) for (own, _), mode in zip(pairs, ("wb", "rb", "rb"))]
    return server, *ours
start = over_sockets if sys.argv[1] == "sockets" else over_pipes
server, to, back, error = start([sys.executable, "-c", sys.argv[2], sys.argv[3]])
threading.Thread(target=error.read, daemon=True).start()
asked = 0
for line in back:
    if b"ready" not in line: continue
    time.sleep(0.3)
    asked += 1
    to.write(b'{"jsonrpc":"2.0","id":%d,"method":"tools/list"}\\n' % asked)
    to.flush()
server.wait()
`;

type Way = "pipes" | "sockets";

interface Heard {
  /** What the server says of itself. */
  readonly truth: Json;
  readonly summary: Json;
  readonly of: (kind: string) => readonly Json[];
}

async function hear(frontEnd: string, way: Way, server: string): Promise<Heard> {
  const name = Bun.randomUUIDv7();
  const [truth, output] = [join(directory, `${name}.truth`), join(directory, `${name}.ndjson`)];
  const command = ["/usr/bin/python3", "-c", CLIENT, way, SERVER + server, truth];
  const options = ["run", "--attach", frontEnd, "--kinds", "all", "-q", "-o", output, "--"];
  const run = Bun.spawn([OVERHEAR, ...options, ...command], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: PATIENCE_MS,
  });
  const [code, stderr] = await Promise.all([run.exited, run.stderr.text()]);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  const lines = assertNdjsonText(readFileSync(output, "utf8"));
  return {
    truth: parseObject(readFileSync(truth, "utf8")),
    summary: lines.at(-1) ?? {},
    of: (kind) => lines.filter((line) => line["kind"] === kind),
  };
}

function sumOf(lines: readonly Json[], key: string): number {
  return lines.reduce((sum, line) => sum + numberAt(line, key), 0);
}

/** Kernels that skip runs say so; here it is about what was set aside. */
function isWhole({ summary }: Heard): boolean {
  return (
    at(summary, "coverage", "set_aside") === undefined &&
    (summary["exact"] === true || numberAt(summary, "skipped_runs") > 0)
  );
}

/** Every byte that the server printed beside its messages is told, and summed up under its name. */
function expectAllTold(heard: Heard): void {
  const bytes = numberAt(heard.truth, "bytes");
  const [row] = listAt(heard.summary, "noise");
  const found = {
    lines: sumOf(heard.of("noise"), "bytes"),
    summary: numberAt(heard.summary, "noise_bytes"),
    row: numberAt(row, "bytes"),
    loss: numberAt(heard.summary, "loss_bytes"),
    isWhole: isWhole(heard),
  };
  expect(found).toEqual({ lines: bytes, summary: bytes, row: bytes, loss: 0, isWhole: true });
}

const outcomes = ({ of }: Heard) => of("call").map((line) => [line["id"], line["outcome"]]);
const texts = ({ of }: Heard) => of("noise").map((line) => textAt(line, "text"));

const rows = FRONT_ENDS.flatMap((frontEnd) => [
  [frontEnd, "pipes"] as const,
  [frontEnd, "sockets"] as const,
]);

describe.each(rows)("noise under %s, over %s", (frontEnd, way) => {
  const missingHere = lacks ?? (worksHere(frontEnd) ? undefined : frontEnd);
  const row = (title: string, run: () => Promise<void>) =>
    test.skipIf(missingHere !== undefined)(titled(title, missingHere), run);

  row(
    "what a server logs on its standard output is told, before and after its first answer [stdio/noise-told]",
    async () => {
      const heard = await hear(
        frontEnd,
        way,
        `say("MCP Server started, ready\\n")
for end in ("ready\\n", "ready\\n", "\\n"):
    message = ask(); say("[db] Connected\\n"); answer(message); say(end)
leave()`,
      );
      expectAllTold(heard);
      expect(texts(heard)[0]).toBe("MCP Server started, ready");
      expect(outcomes(heard)).toEqual([1, 2, 3].map((id) => [id, "ok"]));
    },
  );

  row(
    "a server that prints the log of a build first, and between its answers, is heard",
    async () => {
      const heard = await hear(
        frontEnd,
        way,
        `for size, end in ((100_000, "\\n"), (100_000, "\\r"), (700_000, "\\r\\n"), (2_000_000, "\\n")):
    log(size, end); say("\\nready\\n"); answer(ask())
leave()`,
      );
      expectAllTold(heard);
      expect(outcomes(heard)).toEqual([1, 2, 3, 4].map((id) => [id, "ok"]));
    },
  );

  row(
    "a server that was set aside is heard as soon as it is asked, and what was missed is said [stdio/asked]",
    async () => {
      const heard = await hear(
        frontEnd,
        way,
        `import time
for _ in range(4): log(1_000_000, "\\n"); time.sleep(0.5)
say("ready\\n"); answer(ask()); say("ready\\n"); answer(ask())
leave()`,
      );
      const missed = numberAt(heard.truth, "bytes") - sumOf(heard.of("noise"), "bytes");
      expect(missed).toBeGreaterThan(0);
      expect(outcomes(heard)).toEqual([
        [1, "ok"],
        [2, "ok"],
      ]);
      const { summary } = heard;
      expect([summary["exact"], summary["coverage"]]).toEqual([false, { set_aside: 1 }]);
      expect(heard.of("coverage").map((line) => line["reason"])).toEqual(["set_aside"]);
    },
  );

  row("a message behind text on its line is named for what it is", async () => {
    const heard = await hear(
      frontEnd,
      way,
      `say("ready\\n"); answer(ask(), "options: "); leave(3)`,
    );
    expectAllTold(heard);
    const glued = heard.of("noise").filter((line) => line["flags"] !== undefined);
    expect(glued.map((line) => [line["text"], line["flags"]])).toEqual([
      ['options: {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}', ["message_in_text"]],
    ]);
    expect(outcomes(heard)).toEqual([[1, "unanswered"]]);
  });

  row("a program that says how it is used, instead of an answer, is named", async () => {
    const heard = await hear(
      frontEnd,
      way,
      `say("ready\\n"); ask(); say("Usage: server FILE\\n"); import time; time.sleep(0.5); leave(2)`,
    );
    expectAllTold(heard);
    expect(outcomes(heard)).toEqual([[1, "unanswered"]]);
  });

  row("what a server logs to its standard error is nobody's noise", async () => {
    const heard = await hear(
      frontEnd,
      way,
      `say("a log\\n" * 30_000, 2); say("ready\\n"); message = ask(); say("more\\n" * 30_000, 2); answer(message); leave()`,
    );
    expectAllTold(heard);
    expect(outcomes(heard)).toEqual([[1, "ok"]]);
  });
});
