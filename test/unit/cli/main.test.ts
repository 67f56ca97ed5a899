import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = new URL("../../../src/main.ts", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "overhear-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function overhear(argv: readonly string[], stdin = ""): Promise<Ended> {
  const child = Bun.spawn([process.execPath, main, ...argv], {
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NO_COLOR: "1" },
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

async function shell(script: string): Promise<Ended> {
  const child = Bun.spawn(["bash", "-c", script], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

const ENDS =
  '"client":{"pid":7,"start_time":"2026-11-20T12:00:00.000000Z","comm":"node","command_line":["node","agent.js"]},"server":{"pid":8,"start_time":"2026-11-20T12:00:01.000000Z","comm":"python3","command_line":["python3","-m","weather"]}';
const HEAD = '"transport_type":"stdio","stdio_transport":';
const THERE = `${HEAD}{"from_pid":7,"from_comm":"node","to_pid":8,"to_comm":"python3","channel":"pipe:1"},"session":"pipe:1","direction":"client-to-server"`;
const BACK = `${HEAD}{"from_pid":8,"from_comm":"python3","to_pid":7,"to_comm":"node","channel":"pipe:2"},"session":"pipe:1","direction":"server-to-client"`;
const START = `{"kind":"session","timestamp":"2026-11-20T12:34:56.000001Z","event":"start","transport_type":"stdio","session":"pipe:1","start":"2026-11-20T12:34:56.000001Z",${ENDS},"late_attach":true,"messages":0,"open_calls":0}`;
const CALL = `{"kind":"message","timestamp":"2026-11-20T12:34:56.000001Z",${THERE},"seq":1,"type":"request","id":7,"method":"tools/call","target":"get_weather","params":{"name":"get_weather"},"bytes":80,"raw":"{\\"jsonrpc\\":\\"2.0\\",\\"id\\":7,\\"method\\":\\"tools/call\\",\\"params\\":{\\"name\\":\\"get_weather\\"}}"}`;
const ANSWER = `{"kind":"message","timestamp":"2026-11-20T12:34:56.250001Z",${BACK},"seq":2,"type":"response","id":7,"target":"get_weather","result":{"content":[]},"request":{"method":"tools/call","params":{"name":"get_weather"}},"duration_ms":250,"server_ms":249,"queued_ms":1,"bytes":50,"raw":"{\\"jsonrpc\\":\\"2.0\\",\\"id\\":7,\\"result\\":{\\"content\\":[]}}"}`;
const LOSS = `{"kind":"loss","timestamp":"2026-11-20T12:34:57.000000Z","reason":"ring_full","bytes":4096}`;
const RECORDING = `${[START, CALL, ANSWER].join("\n")}\n`;

function kinds(stdout: string): unknown[] {
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).kind);
}

describe("main", () => {
  test.each<[string[], number, string, string]>([
    [["--nope"], 2, 'Unknown option "--nope"', "overhear --help lists all options"],
    [
      ["replay", "/nonexistent/x"],
      2,
      'Cannot read "/nonexistent/x": no such file or directory (ENOENT)',
      "name files that overhear wrote with -o, or - for standard input",
    ],
    [
      ["replay", "-o", "/nonexistent/x", "/dev/null"],
      6,
      'Cannot open "/nonexistent/x": no such file or directory (ENOENT)',
      "make the directory first",
    ],
    [
      ["replay", import.meta.path, "-o", import.meta.path],
      2,
      `Cannot replay "${import.meta.path}" into "${import.meta.path}": both are one file, two needed`,
      "name another file with -o",
    ],
    [
      ["run", "--", "true"],
      2,
      "Cannot run: standard output is the command's, 1 output of its own needed",
      "add -o FILE; --format ndjson writes between what the command writes",
    ],
    [
      ["replay", "/dev/null"],
      2,
      "Cannot replay: 0 readable lines in 0, at least 1 needed",
      "replay reads what overhear wrote, e.g. overhear --raw -o mcp.ndjson or overhear --db mcp.db",
    ],
    [
      ["\u001b]0;x\u0007\nfoo"],
      2,
      'Unknown command "\\x1b]0;x\\x07\\nfoo"',
      "commands are run, connections, replay, query, mcp, doctor, completions, man, help; without one it listens",
    ],
  ])("main %p ends with %p and two lines", async (argv, code, message, hint) => {
    const ended = await overhear(argv);
    expect(ended).toMatchObject({
      code,
      stdout: "",
      stderr: `overhear: ${message}\nhint: ${hint}\n`,
    });
  });

  test("main --debug adds the stack to an error", async () => {
    const { stderr } = await overhear(["replay", "/nonexistent/x", "--debug"]);
    expect(stderr).toContain("\nUsageError: Cannot read");
    expect(stderr).toContain("\ncaused by: ");
  });

  test.each<[string[], RegExp]>([
    [["--version"], /^overhear \d+\.\d+\.\d+\ncommit \S.*\nbun 1\.\d+\.\d+\n/],
    [["--help"], /^overhear \d+\.\d+\.\d+: hears every/],
    [["run", "--help"], /^Usage: overhear run \[options\] -- COMMAND/],
    [["man"], /^\.TH OVERHEAR 1 /],
    [["completions", "fish"], /^# fish completion for overhear/],
  ])("main %p prints and ends with 0", async (argv, expected) => {
    const ended = await overhear(argv);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toMatch(expected);
  });

  test("main doctor --json is one object, whatever this machine permits", async () => {
    const { code, stdout, stderr } = await overhear(["doctor", "--json"]);
    const report = JSON.parse(stdout);
    expect([0, 3, 4]).toContain(code);
    expect(report.can_listen).toBe(code === 0);
    expect(report.checks.map(({ check }: { check: string }) => check)).toContain("kernel");
    expect(stderr).toBe("");
  });

  test("main replay says when the filters let nothing pass", async () => {
    const { code, stderr } = await overhear(["replay", "-", "--tool", "get_wether"], RECORDING);
    expect([code, stderr]).toEqual([
      0,
      'overhear: 2 messages heard, none of them matches --tool "get_wether"\n',
    ]);
  });

  test("main replay ends the output that still works with a summary when another one fails", async () => {
    const { code, stdout, stderr } = await overhear(
      ["replay", "-", "-f", "ndjson", "-o", "/dev/full"],
      RECORDING,
    );
    expect({ code, last: kinds(stdout).at(-1) }).toEqual({ code: 6, last: "summary" });
    expect(stdout).toContain('"ended_by":"output_failed"');
    expect(stderr).toStartWith(
      'overhear: Cannot write to "/dev/full": no space left on device (ENOSPC)\nhint: ',
    );
  });

  test("main replay writes the recorded lines again, then a summary", async () => {
    const { code, stdout } = await overhear(["replay", "--raw", "-"], RECORDING);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.slice(0, 3)).toEqual([START, CALL, ANSWER]);
    expect(JSON.parse(lines[3] ?? "")).toMatchObject({
      kind: "summary",
      replay: true,
      ended_by: "end_of_input",
      messages: 2,
      sessions: 1,
      message_bytes: 130,
      loss_bytes: 0,
    });
    expect({ code, count: lines.length }).toEqual({ code: 0, count: 4 });
  });

  test("main replay --kinds all makes the call line", async () => {
    const { stdout } = await overhear(["replay", "--kinds", "all", "-"], RECORDING);
    expect(kinds(stdout)).toEqual(["session", "message", "message", "call", "summary"]);
  });

  test.each<[string[], unknown[]]>([
    [
      ["--method", "tools/*"],
      ["session", "message", "message", "summary"],
    ],
    [
      ["--method", "ping"],
      ["session", "summary"],
    ],
    [
      ["--tool", "get_*"],
      ["session", "message", "message", "summary"],
    ],
    [
      ["--server", "weather"],
      ["session", "message", "message", "summary"],
    ],
    [["--server", "git"], ["summary"]],
    [
      ["--max-messages", "1"],
      ["session", "message", "summary"],
    ],
    [
      ["--kinds", "message"],
      ["message", "message", "summary"],
    ],
  ])("main replay %p shows what was asked for", async (options, expected) => {
    const { stdout, code } = await overhear(["replay", ...options, "-"], RECORDING);
    expect({ kinds: kinds(stdout), code }).toEqual({ kinds: expected, code: 0 });
  });

  test("main replay counts lines that are none, and goes on", async () => {
    const { code, stdout, stderr } = await overhear(
      ["replay", "-"],
      `not json\nnull\n[]\n${RECORDING}{"kind":"message"`,
    );
    expect({ code, kinds: kinds(stdout) }).toEqual({
      code: 0,
      kinds: ["session", "message", "message", "summary"],
    });
    expect(stderr).toBe("overhear: replay: 4 lines left out: not what overhear writes\n");
  });

  test("main replay --fail-on-loss ends with 5 when the recording has a loss", async () => {
    const lossy = `${RECORDING}${LOSS}\n`;
    const { code, stderr } = await overhear(["replay", "-q", "--fail-on-loss", "-"], lossy);
    expect({ code, stderr }).toEqual({
      code: 5,
      stderr:
        "overhear: Not all was heard: 4.1 kB lost: ring_full 4.1 kB\nhint: a larger --ring, a filter, or an output that takes it faster; docs/ndjson.md explains the reasons\n",
    });
    expect((await overhear(["replay", "-"], lossy)).code).toBe(0);
    expect((await overhear(["replay", "--fail-on-loss", "-"], RECORDING)).code).toBe(0);
  });

  test("main replay writes a file with the caller's eyes only, and nothing on a pipe", async () => {
    const file = join(folder, "out.ndjson");
    const { code, stdout } = await overhear(["replay", "-o", file, "-"], RECORDING);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(kinds(await Bun.file(file).text())).toEqual([
      "session",
      "message",
      "message",
      "summary",
    ]);
    expect((await Bun.file(file).stat()).mode & 0o777).toBe(0o600);
  });

  test("main replay shows the console view and writes the file at once", async () => {
    const file = join(folder, "both.ndjson");
    const argv = ["replay", "-o", file, "--format", "console", "-"];
    const { code, stdout } = await overhear(argv, RECORDING);
    expect(code).toBe(0);
    expect(stdout).toMatch(/REQ +tools\/call/);
    expect(kinds(await Bun.file(file).text())).toHaveLength(4);
  });

  test("main replay refuses an output through a symbolic link", async () => {
    const link = join(folder, "link.ndjson");
    symlinkSync(join(folder, "target.ndjson"), link);
    const { code, stderr } = await overhear(["replay", "-o", link, "-"], RECORDING);
    expect(code).toBe(6);
    expect(stderr).toBe(
      `overhear: Cannot open "${link}": is a symbolic link (ELOOP)\nhint: name the file itself; a root tool never writes through a symbolic link\n`,
    );
  });

  test("main reports a full standard output, and takes a gone reader for an end", async () => {
    const bun = process.execPath;
    expect(await shell(`"${bun}" "${main}" --help >/dev/full`)).toEqual({
      code: 6,
      stdout: "",
      stderr:
        "overhear: Cannot write to standard output: no space left on device (ENOSPC)\nhint: free some space or write elsewhere; what was written is whole lines\n",
    });
    const file = join(folder, "long.ndjson");
    await Bun.write(file, [START, ...Array<string>(20_000).fill(CALL)].join("\n"));
    const headed = await shell(
      `"${bun}" "${main}" replay "${file}" | head -1; echo "\${PIPESTATUS[0]}"`,
    );
    expect(headed.stdout.split("\n")[1]).toBe("0");
    expect(headed.stderr).toBe("");
  });
});
