/** NSS, whose connections share their functions with files and plain sockets. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PATIENCE_MS, ROOT, titled } from "./settings.ts";
import { expected, lacks, listen, NODE, Server, told } from "./tls/parties.ts";

setDefaultTimeout(PATIENCE_MS * 4);

const UNPACKED = join(ROOT, "build/test/nss/usr");
const TSTCLNT = join(UNPACKED, "bin/tstclnt");
const LIBRARIES = join(UNPACKED, "lib/x86_64-linux-gnu");
const CALLS = 5;
const lack = lacks("node") ?? (existsSync(TSTCLNT) ? undefined : "tstclnt (scripts/setup.sh test)");

function request(port: number, id: number): string {
  const params = { name: "echo", arguments: {} };
  const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
  const head = [
    "POST /mcp HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
    `Content-Length: ${body.length}`,
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

test.skipIf(lack !== undefined)(
  titled("NSS's own client is heard, and nothing of what it reads from files", lack),
  async () => {
    await using running = await Server.start("node");
    await using tool = await listen(NODE ?? "");
    const args = ["-h", "127.0.0.1", "-p", String(running.port), "-D", "-o", "-f"];
    const client = Bun.spawn([TSTCLNT, ...args], {
      env: { LD_LIBRARY_PATH: `${LIBRARIES}:${join(LIBRARIES, "nss")}` },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    await tool.says("libnspr4");
    let answers = "";
    const reading = (async () => {
      for await (const text of client.stdout.pipeThrough(new TextDecoderStream())) answers += text;
    })();
    for (let id = 0; id < CALLS; id++) {
      client.stdin.write(request(running.port, id));
      await client.stdin.flush();
      while (!answers.includes(`"id":${id},"result"`)) await Bun.sleep(5);
    }
    // at the end of its input it looks for more for ever
    client.kill();
    await client.exited;
    await reading;
    const heard = await tool.stop();
    // what it got from here is a hop of its own
    const hop = told(heard, running).filter((each) => !each.includes(` ${process.pid}>`));
    expect(hop).toEqual(expected(client.pid, running.pid, CALLS));
  },
);
