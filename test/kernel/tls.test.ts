/** MCP inside TLS: heard once, at both ends, whatever encrypts it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { type Json, numberAt, textAt } from "./json.ts";
import { ANY_FRONT_END, CALLS, PATIENCE_MS, titled } from "./settings.ts";
import {
  BUN,
  byNumber,
  call,
  expected,
  isFor,
  lacks,
  listen,
  NODE,
  PROGRAMS,
  type Program,
  Server,
  startClient,
  told,
} from "./tls/parties.ts";
import { Tool } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 4);

const PAIRS: readonly (readonly [Program, Program])[] = [
  ["node", "bun"],
  ["bun", "bun"],
  ["bun", "node"],
  ["node", "node"],
  ["python", "bun"],
  ["python", "node"],
];

for (const [client, server] of PAIRS) {
  const lack = lacks(client, server);
  test.skipIf(lack !== undefined)(
    titled(`${client} calls ${server} over TLS: each message is told once, with both ends`, lack),
    async () => {
      await using running = await Server.start(server);
      await using tool = await listen(PROGRAMS[server] ?? "", "libssl", "bun");
      const pid = await call(client, running.port);
      const heard = await tool.stop();
      expect(told(heard, running)).toEqual(expected(pid, running.pid, CALLS));
    },
  );
}

test.skipIf(lacks("node") !== undefined)(
  titled("50 connections at a time: no message is told of the wrong process", lacks("node")),
  async () => {
    await using running = await Server.start("bun");
    await using tool = await listen("bun", NODE ?? "");
    const [one, other] = await Promise.all([
      call("node", running.port, { calls: 100, together: 50 }),
      call("bun", running.port, { calls: 100, together: 50 }),
    ]);
    const heard = await tool.stop();
    expect(told(heard, running)).toEqual(
      [...expected(one, running.pid, 100), ...expected(other, running.pid, 100)].sort(byNumber),
    );
  },
);

for (const [client, server] of PAIRS.slice(0, 4)) {
  const lack = lacks(client, server);
  test.skipIf(lack !== undefined)(
    titled(`${client} calls ${server} on a connection that was open before`, lack),
    async () => {
      await using running = await Server.start(server);
      const caller = startClient(client, running.port, { first: 2 });
      for await (const _ of caller.stdout) break;
      await using tool = await listen(PROGRAMS[server] ?? "", PROGRAMS[client] ?? "");
      await caller.stdin.end();
      expect(await caller.exited).toBe(0);
      const heard = await tool.stop();
      const all = expected(caller.pid, running.pid, CALLS);
      expect(told(heard, running)).toEqual(all.filter((each) => Number.parseInt(each, 10) >= 2));
    },
  );
}

test.skipIf(lacks("node") !== undefined)(
  titled("--pid hears a process's own TLS and nobody else's", lacks("node")),
  async () => {
    await using wanted = await Server.start("bun");
    await using other = await Server.start("bun");
    const options = ["--attach", ANY_FRONT_END, "-v", "--pid", String(wanted.pid)];
    await using tool = await Tool.start(...options);
    await tool.says(BUN);
    const pid = await call("node", wanted.port);
    await call("node", other.port);
    const heard = await tool.stop();
    const messages = told(heard, wanted).map((each) => each.replaceAll(String(pid), "client"));
    const all = expected(pid, wanted.pid, CALLS);
    expect(messages).toEqual(all.map((each) => each.replaceAll(String(pid), "client")));
    expect(told(heard, other)).toEqual([]);
  },
);

test.skipIf(lacks("node") !== undefined)(
  titled("a megabyte in each direction is heard whole", lacks("node")),
  async () => {
    await using running = await Server.start("node");
    await using tool = await listen(NODE ?? "");
    const pid = await call("node", running.port, { calls: 3, bytes: 1 << 20 });
    const heard = await tool.stop();
    expect(told(heard, running)).toEqual(expected(pid, running.pid, 3));
    const sizes = heard.lines.filter((line) => isMessageFor(line, running)).map(bytesOf);
    expect(Math.min(...sizes)).toBeGreaterThan(1 << 20);
  },
);

test.skipIf(lacks("node") !== undefined)(
  titled("--tls off hears nothing of it", lacks("node")),
  async () => {
    await using running = await Server.start("bun");
    await using tool = await Tool.start("--attach", ANY_FRONT_END, "--tls", "off");
    await call("node", running.port);
    await tool.caughtUp();
    expect(told(await tool.stop(), running)).toEqual([]);
  },
);

test.skipIf(lacks("node") !== undefined)(
  titled("stopping takes no longer than two seconds", lacks("node")),
  async () => {
    await using running = await Server.start("node");
    await using tool = await listen(NODE ?? "");
    await call("node", running.port);
    const before = performance.now();
    await tool.stop();
    expect(performance.now() - before).toBeLessThan(2000);
    // no probe is left behind that would slow it down, or end it
    await call("node", running.port);
  },
);

function isMessageFor(line: Json, server: Server): boolean {
  return textAt(line, "kind") === "message" && isFor(line, server);
}

function bytesOf(line: Json): number {
  return numberAt(line, "bytes");
}
