/** TLS libraries are found wherever they are, as soon as they are mapped; and who is not heard is named. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertNdjsonText } from "../unit/sinks/validate.ts";
import { at, numberAt, textAt } from "./json.ts";
import { ANY_FRONT_END, CALLS, OVERHEAR, PATIENCE_MS, ROOT, titled } from "./settings.ts";
import {
  BUN,
  call,
  expected,
  lacks,
  listen,
  PYTHON,
  Server,
  startClient,
  told,
} from "./tls/parties.ts";
import type { Heard } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 4);

const FOLDER = mkdtempSync(join(tmpdir(), "overhear-discovery."));
afterAll(() => rmSync(FOLDER, { recursive: true }));

let count = 0;
/** A Bun that nobody has seen. */
function freshBun(folder = FOLDER): string {
  count += 1;
  const path = join(folder, `agent-${count}`);
  copyFileSync(BUN, path);
  return path;
}

/** A folder with copies of the system's OpenSSL. */
function freshOpenSsl(): string {
  const from = "/usr/lib/x86_64-linux-gnu";
  const names = readdirSync(from).filter((name) => /^lib(ssl|crypto)\.so\.\d[\d.]*$/.test(name));
  count += 1;
  const folder = join(FOLDER, `openssl-${count}`);
  mkdirSync(folder);
  for (const name of names) copyFileSync(join(from, name), join(folder, name));
  return folder;
}

/** Returns that. */
async function saysSomething(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stdout.getReader();
  let text = "";
  while (text === "") {
    const { value, done } = await reader.read();
    if (done) throw new Error("it has ended and said nothing");
    text = Buffer.from(value).toString().trim();
  }
  reader.releaseLock();
  return text;
}

const NO_PYTHON = lacks("python") ?? (process.arch === "x64" ? undefined : "x64");

test.skipIf(NO_PYTHON !== undefined)(
  titled("a library that a running process loads is found at once, wherever it is", NO_PYTHON),
  async () => {
    await using running = await Server.start("bun");
    await using tool = await listen(BUN);
    const script = join(import.meta.dir, "tls/late.py");
    const folder = freshOpenSsl();
    const client = Bun.spawn([PYTHON ?? "", script, String(running.port), String(CALLS)], {
      env: { ...process.env, LD_LIBRARY_PATH: folder },
      stdin: "pipe",
      stdout: "pipe",
    });
    await saysSomething(client.stdout);
    client.stdin.write("\n");
    await client.stdin.flush();
    await tool.says(folder);
    await client.stdin.end();
    expect(await client.exited).toBe(0);
    const heard = await tool.stop();
    expect(told(heard, running)).toEqual(expected(client.pid, running.pid, CALLS));
    expect(namedIn(heard, client.pid)).toEqual([]);
  },
);

test.skipIf(lacks() !== undefined)(
  titled("a program that was run once is heard from its first byte when it runs again", lacks()),
  async () => {
    await using running = await Server.start("node");
    await using tool = await listen("/node");
    const file = freshBun();
    await call("bun", running.port, { file });
    await tool.says(file);
    const second = await call("bun", running.port, { file });
    const heard = await tool.stop();
    const messages = told(heard, running);
    const ofSecond = messages.filter((each) => each.includes(String(second)));
    expect(ofSecond).toEqual(expected(second, running.pid, CALLS));
    // the first run was heard by its server at least
    expect(messages.length).toBe(CALLS * 4);
  },
);

test.skipIf(lacks() !== undefined)(
  titled("a program whose file was deleted before the tool came is heard", lacks()),
  async () => {
    await using running = await Server.start("bun");
    const file = freshBun();
    const client = startClient("bun", running.port, { file, first: 2 });
    await saysSomething(client.stdout);
    unlinkSync(file);
    await using tool = await listen(BUN, file);
    await client.stdin.end();
    expect(await client.exited).toBe(0);
    const heard = await tool.stop();
    const all = expected(client.pid, running.pid, CALLS);
    expect(told(heard, running)).toEqual(all.filter((each) => Number.parseInt(each, 10) >= 2));
  },
);

test.skipIf(lacks() !== undefined)(
  titled(
    "a command that overhear runs is heard from its first byte, though nobody has seen it",
    lacks(),
  ),
  async () => {
    await using running = await Server.start("bun");
    const output = join(FOLDER, "run.ndjson");
    const script = join(import.meta.dir, "tls/client.mjs");
    const command = [freshBun(), script, String(running.port), String(CALLS), "1", "10"];
    const options = ["run", "--attach", ANY_FRONT_END, "-o", output, "--"];
    const tool = Bun.spawn([OVERHEAR, ...options, ...command], { stderr: "ignore" });
    expect(await tool.exited).toBe(0);
    const lines = assertNdjsonText(readFileSync(output, "utf8"));
    const [session] = lines.filter((line) => textAt(line, "kind") === "session");
    const client = numberAt(at(session, "client"), "pid");
    const heard = { lines, summary: lines.at(-1) ?? {}, exitCode: 0, stderr: "" };
    expect(told(heard, running)).toEqual(expected(client, running.pid, CALLS));
  },
);

const UNSHARE = Bun.which("unshare") === null ? "unshare" : lacks();

test.skipIf(UNSHARE !== undefined)(
  titled("a program in a mount namespace of its own, on an overlay, is heard", UNSHARE),
  async () => {
    await using running = await Server.start("bun");
    await using tool = await listen(BUN);
    const [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map((name) =>
      join(FOLDER, name),
    );
    const commands = [
      "mount -t tmpfs none $0",
      `mkdir -p ${lower} ${upper} ${work} ${merged}`,
      `cp "$1" ${lower}/agent`,
      `mount -t overlay overlay -o lowerdir=${lower},upperdir=${upper},workdir=${work} ${merged}`,
      `shift`,
      `exec ${merged}/agent "$@"`,
    ].join(" && ");
    const script = join(import.meta.dir, "tls/client.mjs");
    const args = [script, running.port, CALLS, 1, 10, 2].map(String);
    const client = Bun.spawn(
      ["unshare", "-m", "--propagation", "private", "sh", "-c", commands, FOLDER, BUN, ...args],
      { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    );
    await saysSomething(client.stdout);
    await tool.says(`${merged}/agent`);
    await client.stdin.end();
    expect(await client.exited).toBe(0);
    const heard = await tool.stop();
    const late = (lines: readonly string[]) =>
      lines.filter((each) => Number.parseInt(each, 10) >= 2);
    expect(late(told(heard, running))).toEqual(late(expected(client.pid, running.pid, CALLS)));
  },
);

/** Reasons for which a process was named. */
function namedIn(heard: Heard, pid: number): string[] {
  return heard.lines
    .filter((line) => textAt(line, "kind") === "coverage" && at(line, "process") !== undefined)
    .filter((line) => numberAt(at(line, "process"), "pid") === pid)
    .map((line) => textAt(line, "reason"));
}

/** Sends what looks like TLS, has nothing that is known to make it. */
async function relay(port: number, whileIt: () => Promise<void>): Promise<number> {
  const script = join(import.meta.dir, "tls/relay.py");
  const client = Bun.spawn([PYTHON ?? "", script, String(port)], { stdin: "pipe", stdout: "pipe" });
  await saysSomething(client.stdout);
  await whileIt();
  await client.stdin.end();
  await client.exited;
  return client.pid;
}

test.skipIf(NO_PYTHON !== undefined)(
  titled("a process that speaks TLS by what is not known is named, once a program", NO_PYTHON),
  async () => {
    await using running = await Server.start("bun");
    await using tool = await listen(BUN);
    const first = await relay(running.port, () => Bun.sleep(500));
    const second = await relay(running.port, () => Bun.sleep(500));
    await tool.writes((text) => text.includes("tls_unknown_stack"));
    const heard = await tool.stop();
    expect(namedIn(heard, first)).toEqual(["tls_unknown_stack"]);
    expect(namedIn(heard, second)).toEqual([]);
    expect(numberAt(at(heard.summary, "coverage"), "tls_unknown_stack")).toBe(1);
  },
);

/** Links OpenSSL into a program; its functions' names stay as local symbols, as in uv's Python, or go. */
function linkStatically(isStripped: boolean): string {
  count += 1;
  const path = join(FOLDER, `static-${count}`);
  const libraries = ["-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic", "-lpthread", "-ldl"];
  const source = join(import.meta.dir, "tls/static.c");
  const names = ["read", "read_ex", "write", "write_ex"].map(
    (name) => `--localize-symbol=SSL_${name}`,
  );
  for (const command of [
    ["gcc", "-O2", source, "-o", path, ...libraries],
    ["objcopy", ...names, ...(isStripped ? ["--strip-all"] : []), path],
  ]) {
    const { exitCode, stderr } = Bun.spawnSync(command);
    if (exitCode !== 0) throw new Error(stderr.toString());
  }
  return path;
}

const STATIC = "/usr/lib/x86_64-linux-gnu/libssl.a";
const NO_STATIC = lacks() ?? (existsSync(STATIC) ? undefined : `${STATIC} (libssl-dev)`);

test.skipIf(NO_STATIC !== undefined)(
  titled(
    "an OpenSSL that is linked in is heard by its local symbols, and named without",
    NO_STATIC,
  ),
  async () => {
    await using running = await Server.start("bun");
    await using tool = await listen(BUN);
    const [named, stripped] = [linkStatically(false), linkStatically(true)];
    const run = async (file: string) => {
      const client = Bun.spawn([file, String(running.port), String(CALLS)]);
      expect(await client.exited).toBe(0);
      return client.pid;
    };
    await run(named);
    await tool.says(named);
    const second = await run(named);
    const third = await run(stripped);
    await tool.writes((text) => text.includes("tls_openssl"));
    const heard = await tool.stop();
    const messages = told(heard, running).filter((each) => each.includes(String(second)));
    expect(messages).toEqual(expected(second, running.pid, CALLS));
    expect(namedIn(heard, second)).toEqual([]);
    expect(namedIn(heard, third)).toEqual(["tls_openssl"]);
  },
);

const JAVA = Bun.which("java");
const UV = join(ROOT, "build/test/venv/bin/uv");
/** Programs whose TLS nobody can listen to. */
const DEAF: readonly (readonly [
  string,
  string | undefined,
  (port: number) => readonly string[],
])[] = [
  [
    "java",
    JAVA === null ? "java" : undefined,
    (port) => [JAVA ?? "", join(import.meta.dir, "tls/Client.java"), String(port)],
  ],
  [
    "rustls",
    existsSync(UV) ? undefined : "uv (scripts/setup.sh test)",
    (port) => {
      const index = ["--index-url", `https://127.0.0.1:${port}/`];
      const options = ["--allow-insecure-host", "127.0.0.1", "--no-cache", ...index];
      return [UV, "pip", "install", "--target", FOLDER, ...options, "no-such-package"];
    },
  ],
];

for (const [stack, absent, command] of DEAF) {
  const lack = lacks() ?? absent;
  test.skipIf(lack !== undefined)(
    titled(`a program with ${stack} is named, with that`, lack),
    async () => {
      await using running = await Server.start("bun");
      await using tool = await listen(BUN);
      const client = Bun.spawn([...command(running.port)], {
        env: { ...process.env, UV_HTTP_RETRIES: "0" },
        stderr: "ignore",
      });
      await client.exited;
      await tool.writes((text) => text.includes(`"pid":${client.pid},`) && text.includes("tls_"));
      expect(namedIn(await tool.stop(), client.pid)).toEqual([`tls_${stack}`]);
    },
  );
}

test.skipIf(lacks() !== undefined)(
  titled("a library that was found without its names and gives no HTTP is let go", lacks()),
  async () => {
    const script = join(import.meta.dir, "tls/binary.mjs");
    await using server = Bun.spawn([BUN, script], { stdout: "pipe" });
    const port = await saysSomething(server.stdout);
    await using tool = await listen(BUN);
    const file = freshBun();
    const start = () => Bun.spawn([file, script, port, "40"], { stdin: "pipe", stdout: "pipe" });
    const first = start();
    await tool.says(file);
    const clients = [first, start(), start(), start()];
    for (const { stdout } of clients) await saysSomething(stdout);
    await tool.says(`"${file}" any more`);
    for (const { stdin, exited } of clients) {
      await stdin.end();
      expect(await exited).toBe(0);
    }
    const heard = await tool.stop();
    const named = clients.flatMap(({ pid }) => namedIn(heard, pid));
    expect(named.filter((reason) => reason === "tls_not_http")).toEqual(["tls_not_http"]);
  },
);

test.skipIf(lacks() !== undefined)(
  titled("a program that was too short to be listened to is named", lacks()),
  async () => {
    await using running = await Server.start("bun");
    await using tool = await listen(BUN);
    const file = freshBun();
    const pid = await call("bun", running.port, { file, calls: 1 });
    await tool.caughtUp();
    const heard = await tool.stop();
    // what its server hears; from when on it was listened to itself nobody can promise, but from then on always, or that it was not
    const messages = told(heard, running);
    expect(messages.length).toBe(2);
    const isNamed = namedIn(heard, pid).includes("tls_too_short");
    const since = messages.findIndex((each) => each.includes(String(pid)));
    const isHeard = since >= 0 && messages.slice(since).every((each) => each.includes(String(pid)));
    expect(isNamed || isHeard).toBe(true);
  },
);
