/**
 * Connections on which other HTTP goes on for a while before anything of MCP comes: the kernel side no longer looks closely
 * by then, and all must be heard, from whom, and counted, as if it had.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { transportOf } from "./compare.ts";
import { at, type Json, numberAt } from "./json.ts";
import { Network } from "./network.ts";
import { ANY_FRONT_END, EMULATED, missing, PATIENCE_MS, titled } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const lacks = missing();
const DULL = EMULATED ? 8 : 40;

/**
 * A client and its server, two processes that take turns: `at(CLIENT, …)` and `at(SERVER, …)` run a line of Python in
 * either and wait until it has. Whoever moves bytes counts them. The last line of stdout says who they are and how much
 * each has read.
 */
const PRELUDE = `
import json, os, socket, sys, time
ADDRESS = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1", 0)
CLIENT, SERVER = 0, 1
read = {"c2s": 0, "s2c": 0}

def say(s, data): s.sendall(data)
def hear(s, size, way, piece=1 << 16):
    got = b""
    while len(got) < size:
        data = s.recv(min(piece, size - len(got)))
        if not data: break
        got += data
    read[way] += len(got)
    return got

def head(first, *fields): return "\\r\\n".join([first, *fields, "", ""]).encode()
def rpc(**what): return json.dumps({"jsonrpc": "2.0", **what}).encode()
def get(path="/page", *fields): return head(f"GET {path} HTTP/1.1", "Host: x", "Accept: */*", *fields)
def page(size=700): return head("HTTP/1.1 200 OK", "Content-Type: text/html", f"Content-Length: {size}") + b"p" * size
def post(body, path="/mcp", kind="application/json"):
    return head(f"POST {path} HTTP/1.1", "Host: x", f"Content-Type: {kind}", "Accept: application/json, text/event-stream",
                f"Content-Length: {len(body)}") + body
def ok(body): return head("HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}") + body
def event(body): return b"data: " + body + b"\\n\\n"
STREAM = head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Connection: close")
ASK = {"method": "tools/call", "params": {"name": "dull", "arguments": {}}}

def up(data, piece=1 << 16):
    at(CLIENT, lambda c: say(c, data))
    at(SERVER, lambda s: hear(s, len(data), "c2s", piece))
def down(data):
    at(SERVER, lambda s: say(s, data))
    at(CLIENT, lambda c: hear(c, len(data), "s2c"))
def dull(times):
    for _ in range(times): up(get()); down(page())
def call(id):
    up(post(rpc(id=id, **ASK)))
    down(ok(rpc(id=id, result={"content": []})))

`;

/** Both processes run the whole script; each does what is its own, and the other waits for it. */
const START = `
listening = socket.socket()
listening.bind(ADDRESS); listening.listen()
turns = [os.pipe(), os.pipe()]
print("ready", flush=True); sys.stdin.readline()
server_pid = os.fork()
me = SERVER if server_pid == 0 else CLIENT
if me == CLIENT: own = socket.create_connection(listening.getsockname())
else: own = listening.accept()[0]
def at(who, what):
    if who == me:
        what(own)
        os.write(turns[1 - me][1], b"x")
    else:
        os.read(turns[me][0], 1)
`;

/** One that is open, and has carried other HTTP, before the tool listens. */
const LATE = START.replace('print("ready", flush=True); sys.stdin.readline()\n', "").concat(`
dull(3)
if me == CLIENT: print("ready", flush=True); sys.stdin.readline()
`);

const END = `
if me == SERVER:
    os.write(turns[CLIENT][1], json.dumps({"read": read["c2s"]}).encode())
    os.read(turns[SERVER][0], 1)
    os._exit(0)
told = json.loads(os.read(turns[CLIENT][0], 100))
own.close()
os.write(turns[SERVER][1], b"x")
os.waitpid(server_pid, 0)
print(json.dumps({"client": os.getpid(), "server": server_pid, "c2s": told["read"], "s2c": read["s2c"]}))
`;

interface Told {
  readonly heard: Heard;
  readonly client: number;
  readonly server: number;
  /** Bytes that each has read. */
  readonly c2s: number;
  readonly s2c: number;
}

/** What a program says, line by line. */
class Output {
  readonly #all: Promise<void>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#all = this.#collect(stream);
  }

  async #collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#text += text;
  }

  async says(line: string): Promise<void> {
    while (!this.#text.includes(`${line}\n`)) await Bun.sleep(2);
  }

  /** The last line. */
  async rest(): Promise<string> {
    await this.#all;
    return this.#text.trim().split("\n").at(-1) ?? "";
  }
}

async function hear(script: string, start = START): Promise<Told> {
  const child = Bun.spawn(["/usr/bin/python3", "-c", `${PRELUDE}${start}${script}${END}`], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const output = new Output(child.stdout);
  await output.says("ready");
  await using tool = await Tool.start("--attach", ANY_FRONT_END, "--pid", `${child.pid}`);
  child.stdin.write("\n");
  await child.stdin.end();
  expect(await child.exited).toBe(0);
  const said: unknown = JSON.parse(await output.rest());
  return {
    heard: await tool.stop(),
    client: numberAt(said, "client"),
    server: numberAt(said, "server"),
    c2s: numberAt(said, "c2s"),
    s2c: numberAt(said, "s2c"),
  };
}

/** Which message it is, and from which end to which. */
function messagesOf({ heard, client, server }: Told): readonly unknown[] {
  const end = (pid: unknown) => (pid === client ? "client" : pid === server ? "server" : pid);
  return heard.lines
    .filter((line) => line["kind"] === "message")
    .map((line) => [
      line["id"] ?? line["method"],
      end(at(transportOf(line), "from_pid")),
      end(at(transportOf(line), "to_pid")),
    ]);
}

function calls(...ids: readonly number[]): readonly unknown[] {
  return ids.flatMap((id) => [
    [id, "client", "server"],
    [id, "server", "client"],
  ]);
}

function bytesOf(lines: readonly Json[], kind: string): number {
  const sizes = lines.filter((line) => line["kind"] === kind && line["reason"] !== "unread");
  return sizes.reduce((sum, line) => sum + numberAt(line, "bytes"), 0);
}

/** What is accounted for, of which nothing is lost. A direction counts from its first message on. */
function expectAccount({ heard, client, c2s, s2c }: Told): void {
  const toClient = (line: Json) => at(transportOf(line), "to_pid") === client;
  const isAsked = heard.lines.some((line) => line["kind"] === "message" && !toClient(line));
  const read = isAsked ? c2s + s2c : s2c;
  const { lines, summary } = heard;
  const http = numberAt(summary, "http_bytes");
  const skipped = numberAt(summary, "skipped_bytes");
  const all = bytesOf(lines, "message") + bytesOf(lines, "loss") + http + skipped;
  expect({ loss: lines.filter((line) => line["kind"] === "loss"), all }).toEqual({
    loss: [],
    all: read,
  });
}

/** What happens, the messages of it, and how. */
const CASES: readonly (readonly [string, readonly unknown[], string])[] = [
  ["the first message after many exchanges", calls(1, 2), `dull(${DULL}); call(1); call(2)`],
  [
    "messages between other exchanges",
    calls(1, 2, 3, 4, 5),
    `
for id in range(1, 6): dull(${DULL / 4}); call(id)
dull(3)`,
  ],
  [
    "an event stream that nobody asked for",
    [["notifications/message", "server", "client"]],
    `dull(${DULL}); up(get()); down(STREAM + event(rpc(method="notifications/message")))`,
  ],
  [
    "an event stream that ends with its first read",
    [["notifications/message", "server", "client"]],
    `
dull(${DULL}); up(get())
stream = STREAM + event(rpc(method="notifications/message"))
at(SERVER, lambda s: (say(s, stream), s.shutdown(socket.SHUT_WR)))
time.sleep(.05)
at(CLIENT, lambda c: hear(c, 1 << 16, "s2c"))`,
  ],
  [
    "an event stream behind an interim answer",
    [["notifications/message", "server", "client"]],
    `
dull(${DULL}); up(get("/upload", "Expect: 100-continue"))
down(head("HTTP/1.1 100 Continue")); down(head("HTTP/1.1 102 Processing"))
down(STREAM + event(rpc(method="notifications/message")))`,
  ],
  [
    "the message behind an upload that looks like messages",
    calls(2),
    `
dull(${DULL})
fake = post(rpc(id=1, **ASK))
up(head("POST /upload HTTP/1.1", "Host: x", "Content-Type: image/png", f"Content-Length: {50 * len(fake)}"))
for _ in range(50): up(fake)
down(page()); dull(2); call(2)`,
  ],
  [
    "the message behind pipelined requests",
    calls(1),
    `
dull(${DULL})
for _ in range(3): up(get())
for _ in range(3): down(page())
call(1)`,
  ],
  [
    "a message that is written in many pieces",
    calls(1),
    `
dull(${DULL})
ask = post(rpc(id=1, **ASK))
for i in range(0, len(ask), 9): up(ask[i:i + 9])
down(ok(rpc(id=1, result={})))`,
  ],
];

test.skipIf(lacks !== undefined).each(CASES)(
  titled("hears %s [capture/http]", lacks),
  async (_, messages, script) => {
    const told = await hear(script);
    expect(messagesOf(told)).toEqual([...messages]);
    expectAccount(told);
    expect(numberAt(told.heard.summary, "skipped_bytes")).toBeGreaterThan((DULL / 4) * 700);
  },
);

test.skipIf(lacks !== undefined)(
  titled("tells when the first message after many exchanges was sent", lacks),
  async () => {
    // the reader is late by 100 ms
    const told = await hear(`
dull(${DULL})
ask = post(rpc(id=1, **ASK))
at(CLIENT, lambda c: say(c, ask)); time.sleep(.1)
at(SERVER, lambda s: hear(s, len(ask), "c2s"))
down(ok(rpc(id=1, result={})))`);
    expect(messagesOf(told)).toEqual([...calls(1)]);
    const first = told.heard.lines.find((line) => line["kind"] === "message");
    expect(numberAt(first, "queued_ms")).toBeGreaterThan(90);
    expectAccount(told);
  },
);

test.skipIf(lacks !== undefined)(
  titled("names who wrote, when another process has taken the connection over", lacks),
  async () => {
    const told = await hear(`
dull(${DULL})
ask = post(rpc(id=1, **ASK))
def take_over(c):
    child = os.fork()
    if child == 0: say(c, ask); os._exit(0)
    os.waitpid(child, 0)
at(CLIENT, take_over)
at(SERVER, lambda s: hear(s, len(ask), "c2s"))
down(ok(rpc(id=1, result={})))`);
    const [request] = told.heard.lines.filter((line) => line["kind"] === "message");
    const from = at(transportOf(request ?? {}), "from_pid");
    expect([told.client, told.server]).not.toContain(Number(from));
    expect(numberAt(transportOf(request ?? {}), "to_pid")).toBe(told.server);
  },
);

test.skipIf(lacks !== undefined)(
  titled("hears a connection that was open before the start [capture/http]", lacks),
  async () => {
    const told = await hear(`dull(${DULL}); call(1); dull(${DULL}); call(2)`, LATE);
    expect(messagesOf(told)).toEqual([...calls(1, 2)]);
  },
);

const FAR = lacks ?? Network.lacks() ?? Network.lacksDistance();

test.skipIf(FAR !== undefined)(
  titled("hears each end of a connection to another host [capture/http]", FAR),
  async () => {
    using network = await Network.distant();
    const script = `dull(${DULL}); call(1); dull(${DULL}); call(2)`;
    const told = await hear(script, apart(network));
    const ends = messagesOf(told);
    const known = (end: unknown) => end === "client" || end === "server";
    // a host's pid is none
    expect(ends.filter((each) => Array.isArray(each) && known(each[1])).length).toBe(4);
    expect(ends.filter((each) => Array.isArray(each) && known(each[2])).length).toBe(4);
    const { summary } = told.heard;
    expect(numberAt(summary, "skipped_bytes")).toBeGreaterThan(2 * DULL * 700);
    expect(numberAt(summary, "loss_bytes")).toBe(0);
  },
);

/** The server in its namespace, the client in its own. */
function apart(network: Network): string {
  // setns(2), before Python 3.12
  const enter = (name: string) =>
    `__import__("ctypes").CDLL(None).setns(os.open("/run/netns/${name}", os.O_RDONLY), 0)`;
  return START.replace(
    "listening = socket.socket()",
    `${enter(network.server)}\nlistening = socket.socket()`,
  )
    .replace("listening.bind(ADDRESS)", 'listening.bind(("0.0.0.0", 8089))')
    .replace(
      "own = socket.create_connection(listening.getsockname())",
      `${enter(network.client)}; own = socket.create_connection(("10.99.7.2", 8089))`,
    );
}
