/** Scripted conversations over pipes in, the NDJSON that a live run writes of them out. */
import type { Channel, Process } from "../../../src/capture/types.ts";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import type { Frame, FramingItem } from "../../../src/framing/types.ts";
import { MessageStage } from "../../../src/message/message-stage.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";

const MS = 1_000_000;
/** Uptime of about 11 days, on a host whose wall clock said 2026-11-20T12:00:00Z at boot. */
const BOOT_MICROS = Date.parse("2026-11-20T12:00:00Z") * 1000;
const START_NS = 1_000_000_000_000_000;
const liveClock = { toUnixMicros: (ns: number) => BOOT_MICROS + Math.floor(ns / 1000) };

function makeProcess(pid: number, comm: string, commandLine: readonly string[]): Process {
  const startNs = START_NS - pid * MS;
  return { pid, startNs, comm, commandLine, containerId: undefined, exit: undefined };
}

function makeChannel(id: string, writer: Process, reader: Process): Channel {
  return { id, kind: "pipe", inode: 7, reverse: undefined, reader, writer };
}

/** With what code a process will end; it has no exit before that. */
const exitCodes = new WeakMap<Process, number>();

/** Two ends with a pipe each way, and a clock that each message moves on. */
export class Conversation {
  readonly items: FramingItem[] = [];
  readonly client: Process;
  server: Process;
  readonly #there: Channel;
  readonly #back: Channel;
  #nowNs = START_NS;

  constructor(first: number) {
    this.client = makeProcess(first, "node", ["node", "/opt/agent/index.js"]);
    this.server = makeProcess(first + 1, "python3", ["python3", "-m", "mcp_server_git"]);
    this.#there = makeChannel(`pipe:${first * 10}`, this.client, this.server);
    this.#back = makeChannel(`pipe:${first * 10 + 1}`, this.server, this.client);
  }

  ask(text: string, flags: Frame["flags"] = []): this {
    return this.#say(this.#there, this.client, this.server, text, flags);
  }

  answer(text: string): this {
    return this.#say(this.#back, this.server, this.client, text, []);
  }

  wait(ms: number): this {
    this.#nowNs += ms * MS;
    this.items.push({ kind: "tick", timeNs: this.#nowNs });
    return this;
  }

  /** The server says something that is no message. */
  print(head: string, holdsMessage = false): this {
    const text = { head, lines: 1, holdsMessage, timeNs: this.#nowNs };
    const noise = { channel: this.#back, bytes: head.length + 1, of: "text", text } as const;
    this.items.push({ kind: "noise", ...noise });
    return this;
  }

  lose(bytes: number): this {
    const timeNs = this.#nowNs;
    this.items.push({ kind: "loss", channel: this.#there, bytes, reason: "ring_full", timeNs });
    return this;
  }

  exitServer(code: number): this {
    this.#nowNs += MS;
    this.#end(this.#back).#end(this.#there);
    exitCodes.set(this.server, code);
    this.items.push({ kind: "process-end", process: this.server, timeNs: this.#nowNs });
    return this;
  }

  /** Its successor has the same pipes. */
  restartServer(code: number): this {
    this.#nowNs += MS;
    exitCodes.set(this.server, code);
    this.items.push({ kind: "process-end", process: this.server, timeNs: this.#nowNs });
    this.server = makeProcess(this.server.pid + 1, "python3", this.server.commandLine);
    return this;
  }

  /** Another process has read a part of it. */
  share(text: string, pid: number): this {
    const flags = ["shared_line"] as const;
    this.#say(this.#there, this.client, this.server, text, flags);
    const frame = this.items.pop();
    const otherReaders = [makeProcess(pid, "sh", [])];
    if (frame?.kind === "frame") this.items.push({ ...frame, otherReaders });
    return this;
  }

  hangUp(): this {
    this.#nowNs += 3 * MS;
    this.#end(this.#there);
    this.#nowNs += MS;
    return this.#end(this.#back).wait(600);
  }

  #end(channel: Channel): this {
    const { writer } = channel;
    this.items.push({ kind: "end", channel, timeNs: this.#nowNs, unreadBytes: 0, writer });
    return this;
  }

  #say(
    channel: Channel,
    sender: Process,
    reader: Process,
    text: string,
    flags: Frame["flags"],
  ): this {
    this.#nowNs += 1_234 * 1000;
    this.items.push({
      kind: "frame",
      channel,
      text,
      bytes: Buffer.byteLength(text) + 1,
      endPosition: 0,
      timeNs: this.#nowNs,
      reader,
      sender,
      sentNs: this.#nowNs - 77 * 1000,
      flags,
    });
    return this;
  }
}

/** What a live run with --raw --kinds all writes. */
export function record(items: readonly FramingItem[], raw = true, listenNs = START_NS): string[] {
  const message = new MessageStage();
  const exchange = new ExchangeStage({ allJsonrpc: false, listenNs });
  const renderer = new NdjsonRenderer({ clock: liveClock, raw, redactor: undefined });
  const lines = [];
  for (const item of items) {
    if (item.kind === "process-end") {
      const code = exitCodes.get(item.process);
      item.process.exit = { timeNs: item.timeNs, code, signal: undefined };
    }
    for (const parsed of message.push(item)) {
      // Sinks write before the next item: the session of a line is as it was then.
      for (const line of exchange.push(parsed)) lines.push(renderer.item(line));
    }
  }
  for (const line of exchange.end()) lines.push(renderer.item(line));
  return lines;
}

const INITIALIZE =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"agent","version":"1"}}}';
const WELCOME =
  '{"result":{"protocolVersion":"2025-03-26","capabilities":{"tools":{}},"serverInfo":{"name":"git","version":"2"}},"jsonrpc":"2.0","id":0}';
export const READY = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
export const CALL =
  '{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"log","arguments":{"n":1.0, "n":2,"s":"\\u00e9"}}}';
export const RESULT = '{"jsonrpc":"2.0","id":9007199254740993,"result":{"content":[]}}';

export function greet(conversation: Conversation): Conversation {
  return conversation.ask(INITIALIZE).answer(WELCOME).ask(READY);
}

/** What is heard by title. */
export const RUNS: Readonly<Record<string, () => Conversation>> = {
  "a call and an exit": () => greet(new Conversation(100)).ask(CALL).answer(RESULT).exitServer(3),
  "a client that hangs up": () => greet(new Conversation(200)).ask(CALL).answer(RESULT).hangUp(),
  "a call without an answer": () => greet(new Conversation(300)).ask(CALL).exitServer(0),
  "a server that logs to its standard output": () =>
    greet(new Conversation(350).print("MCP Server started"))
      .print("[db] Connected")
      .ask(CALL)
      .wait(2_000)
      .print(`options: ${RESULT}`, true)
      .answer(RESULT)
      .print("bye")
      .exitServer(0),
  "a session that goes on": () => greet(new Conversation(400)).ask(CALL).answer(RESULT),
  "a batch with an element that is no message": () =>
    greet(new Conversation(500)).ask(`[${CALL},{"no":"message"},${READY}]`).answer(`[${RESULT}]`),
  "a loss": () => greet(new Conversation(600)).lose(4096).ask(CALL).answer(RESULT),
  "a late attach": () => new Conversation(700).ask(CALL).answer(RESULT).ask(READY).hangUp(),
  "a server that is started again": () =>
    greet(greet(new Conversation(1000)).restartServer(3))
      .ask(CALL)
      .answer(RESULT)
      .hangUp(),
  "a line of two readers": () => greet(new Conversation(1100)).share(CALL, 1150).answer(RESULT),
  "flags of the frame": () => greet(new Conversation(800)).ask(CALL, ["invalid_utf8", "bom"]),
};
