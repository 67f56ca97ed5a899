/** HTTP that carries no MCP, and then does: how much of the former came out of the kernel, as the summary counts it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { messagesOf } from "./compare.ts";
import { numberAt } from "./json.ts";
import { ANY_FRONT_END, EMULATED, LACKS_SPEED, missing, PATIENCE_MS, titled } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";
import { talk } from "./traffic.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const lacks = missing();

/** Bytes that follow the first ones, of which user space has to say that they are nobody's. */
const LONG = 24 << 20;
/** What may come out of them until then. */
const FIRST = 2 << 20;

/** Until user space has said so. */
const VERDICT_S = EMULATED ? 10 : 1.5;

/** Both ends of one connection; each line of stdin lets it go on. */
const PRELUDE = `
import socket, sys, threading, time, json
LONG, FIRST, VERDICT_S = ${LONG}, ${FIRST}, ${VERDICT_S}
listening = socket.socket()
listening.bind(("127.0.0.1", 0)); listening.listen()
client = socket.create_connection(listening.getsockname())
server, _ = listening.accept()

def pause():
    print("ready", flush=True); sys.stdin.readline()

def move(source, target, size, piece=65536):
    sender = threading.Thread(target=lambda: [source.sendall(b"x" * min(piece, size - at)) for at in range(0, size, piece)])
    sender.start()
    left = size
    while left: left -= len(target.recv(min(left, 65536)))
    sender.join()

def say(source, target, data):
    source.sendall(data)
    got = b""
    while len(got) < len(data): got += target.recv(len(data) - len(got))

def download(accept, wait=VERDICT_S):
    say(client, server, b"GET /big HTTP/1.1\\r\\nHost: x\\r\\nAccept: %s\\r\\n\\r\\n" % accept)
    say(server, client, b"HTTP/1.1 200 OK\\r\\nContent-Type: application/octet-stream\\r\\nContent-Length: %d\\r\\n\\r\\n" % (FIRST + LONG))
    move(server, client, FIRST)
    time.sleep(wait)
    move(server, client, LONG)

def call(id, method, params, result):
    ask = json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode()
    say(client, server, b"POST /mcp HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\nAccept: application/json, text/event-stream\\r\\nMcp-Protocol-Version: 2025-06-18\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(ask) + ask)
    answer = json.dumps({"jsonrpc": "2.0", "id": id, "result": result}).encode()
    say(server, client, b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(answer) + answer)

def mcp():
    call(1, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}},
         {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}})
    call(2, "tools/list", {}, {"tools": []})
`;

async function hear(script: string): Promise<Heard> {
  const child = Bun.spawn(["/usr/bin/python3", "-c", PRELUDE + script], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  await using tool = await Tool.start(
    "--attach",
    ANY_FRONT_END,
    "--ring",
    "64M",
    "--pid",
    `${child.pid}`,
  );
  child.stdin.write("\n");
  await child.stdin.end();
  expect(await child.exited).toBe(0);
  return await tool.stop();
}

function expectHeard({ lines, summary }: Heard): void {
  const messages = lines.filter((line) => line["kind"] === "message");
  expect(messages.map((line) => line["method"] ?? line["response_to"] ?? line["type"]).length).toBe(
    4,
  );
  expect(numberAt(summary, "loss", "ring_full")).toBe(0);
}

const OPEN = "pause()\n";
const RECONNECT = `
pause()
client = socket.create_connection(listening.getsockname())
server, _ = listening.accept()
`;

/** What it is, bytes that are not to come out, and how it goes. */
const CASES: readonly (readonly [string, number, string])[] = [
  ["a download that asks for JSON", LONG, `${RECONNECT}download(b"application/json")\nmcp()`],
  [
    "a later one that speaks of events",
    2 * LONG,
    `${RECONNECT}download(b"application/json")\ndownload(b"text/event-stream")\nmcp()`,
  ],
  [
    "an upload",
    LONG,
    `${RECONNECT}
say(client, server, b"POST /big HTTP/1.1\\r\\nHost: x\\r\\nAccept: application/json\\r\\nContent-Type: image/png\\r\\nContent-Length: %d\\r\\n\\r\\n" % (FIRST + LONG))
move(client, server, FIRST)
time.sleep(VERDICT_S)
move(client, server, LONG)
say(server, client, b"HTTP/1.1 204 OK\\r\\n\\r\\n")
mcp()`,
  ],
  [
    "a tunnel",
    LONG,
    `${RECONNECT}mcp()
say(client, server, b"GET /mcp HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n")
say(server, client, b"HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n")
move(server, client, 1000)
time.sleep(VERDICT_S)
move(server, client, LONG)`,
  ],
  [
    "a download on a connection that was met inside JSON",
    LONG,
    `
say(client, server, b"GET /a HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
say(server, client, b"HTTP/1.1 200 OK\\r\\nContent-Length: 7\\r\\n\\r\\n")
${OPEN}
say(server, client, b'{"a":1}')
download(b"*/*", 0)
mcp()`,
  ],
];

test.skipIf(lacks !== undefined).each(CASES)(
  titled("of %s only the first piece comes out of the kernel [capture/http]", lacks),
  async (_, bytes, script) => {
    const heard = await hear(script);
    expectHeard(heard);
    expect(numberAt(heard.summary, "skipped_bytes")).toBeGreaterThanOrEqual(bytes);
  },
);

/** More than the kernel's map of pipes holds, with two directions each. */
const CONNECTIONS = 17_000;
const PROCESSES = 4;

const lacksSpeed = lacks ?? LACKS_SPEED;

test.skipIf(lacksSpeed !== undefined)(
  titled(
    "17,000 idle connections of other HTTP leave room for stdio [capture/account]",
    lacksSpeed,
  ),
  async () => {
    // a process has 20,000 descriptors at most in some containers
    const script = `
import os
listening.listen(1000)
go, kept = os.pipe(), []
for number in range(${PROCESSES}):
    if os.fork() == 0:
        listening = socket.socket()
        listening.bind((f"127.0.0.{number + 2}", 0)); listening.listen(1000)
        for _ in range(${CONNECTIONS / PROCESSES}):
            client = socket.create_connection(listening.getsockname())
            server, _ = listening.accept()
            say(client, server, b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            kept.append((client, server))
        os.write(go[1], b"x")
        sys.stdin.readline()
        os._exit(0)
for _ in range(${PROCESSES}): os.read(go[0], 1)
pause()
`;
    await using tool = await Tool.start("--attach", ANY_FRONT_END);
    const child = Bun.spawn(["/usr/bin/python3", "-c", PRELUDE + script], {
      stdin: "pipe",
      stdout: "pipe",
    });
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toContain("ready");
    const truth = await talk(["--messages", "5", "--tag", "has-room"]);
    const heard = await tool.stop();
    await child.stdin.end();
    expect(await child.exited).toBe(0);
    expect(numberAt(heard.summary, "unattributed_bytes")).toBe(0);
    expect(messagesOf(heard, truth).length).toBe(truth.read.length);
  },
);
