/** TCP connections that come and go: the same ports at once again, sockets that a fork has inherited. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { transportOf } from "./compare.ts";
import { at, type Json, numberAt } from "./json.ts";
import { ANY_FRONT_END, EMULATED, missing, PATIENCE_MS, titled } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const lacks = missing();
const TIMES = EMULATED ? 20 : 200;

const PRELUDE = `
import json, os, socket, struct
def make(*address):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0) if not address else address)
    return s
def say(s, message):
    s.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\\n")
def ask(s, id):
    say(s, {"id": id, "method": "tools/call", "params": {"name": "connections", "arguments": {}}})
def answer(s, id):
    say(s, {"id": id, "result": {"content": []}})
listener = make()
listener.listen(8)
server = listener.getsockname()`;

/** A reset leaves no TIME_WAIT: the pair of ports is free at once, and its sockets' addresses often come again. */
const REUSE = `${PRELUDE}
own = make()
client = own.getsockname()
own.close()
for id in range(${TIMES}):
    c = make(*client)
    c.connect(server)
    s, _ = listener.accept()
    ask(c, id)
    s.recv(4096)
    answer(s, id)
    c.recv(4096)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
    s.close()
print(os.getpid(), os.getpid())`;

const FORK = `${PRELUDE}
c = socket.create_connection(server)
s, _ = listener.accept()
child = os.fork()
if child == 0:
    s.recv(4096)
    answer(s, 7)
    os._exit(0)
s.close()
ask(c, 7)
c.recv(4096)
os.waitpid(child, 0)
print(os.getpid(), child)`;

async function run(script: string): Promise<{ heard: Heard; pids: readonly number[] }> {
  await using tool = await Tool.start("--attach", ANY_FRONT_END);
  const child = Bun.spawn(["/usr/bin/python3", "-c", script], { stdout: "pipe" });
  const pids = (await child.stdout.text()).trim().split(" ").map(Number);
  expect(await child.exited).toBe(0);
  await tool.caughtUp();
  return { heard: await tool.stop(), pids };
}

function messages(heard: Heard, pids: readonly number[]): readonly Json[] {
  const isOurs = (line: Json) => pids.includes(numberAt(transportOf(line), "to_pid"));
  return heard.lines.filter((line) => line["kind"] === "message" && isOurs(line));
}

describe.skipIf(lacks !== undefined)(titled("connections", lacks), () => {
  test("hears each connection between the same ports once, as one of its own", async () => {
    const { heard, pids } = await run(REUSE);
    const lines = messages(heard, pids);
    const twice = Array.from({ length: TIMES }, (_, id) => [id, id]).flat();
    expect(lines.map((line) => at(line, "id"))).toEqual(twice);
    expect(new Set(lines.map((line) => at(line, "session"))).size).toBe(TIMES);
    expect(at(heard.summary, "exact")).toBe(true);
  });

  test("hears a socket that a fork has inherited from the one who uses it", async () => {
    const { heard, pids } = await run(FORK);
    const [client, server] = pids;
    const ends = messages(heard, pids).map((line) => [
      at(transportOf(line), "from_pid"),
      at(transportOf(line), "to_pid"),
    ]);
    expect(ends).toEqual([
      [client, server],
      [server, client],
    ]);
  });
});
