/** Programs that speak MCP over HTTPS in; servers and clients that run, and what was told of their calls, out. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { at, type Json, numberAt, textAt } from "../json.ts";
import { ANY_FRONT_END, CALLS, missing } from "../settings.ts";
import { type Heard, Tool } from "../tool.ts";
import { startGoServer } from "./posters.ts";

export const BUN = process.execPath;
export const NODE = Bun.which("node");
export const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : null;
const SERVER = join(import.meta.dir, "server.mjs");
const CLIENT = join(import.meta.dir, "client.mjs");
const PYTHON_CLIENT = join(import.meta.dir, "client.py");

export type Program = "bun" | "node" | "python";
export const PROGRAMS: Readonly<Record<Program, string | null>> = {
  bun: BUN,
  node: NODE,
  python: PYTHON,
};

export function lacks(...programs: readonly Program[]): string | undefined {
  return missing() ?? programs.find((each) => PROGRAMS[each] === null);
}

export class Server implements AsyncDisposable {
  readonly #process: Bun.Subprocess;
  readonly port: number;

  private constructor(process: Bun.Subprocess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(program: Program | "go"): Promise<Server> {
    if (program === "go") {
      const { server, port } = await startGoServer();
      return new Server(server, port);
    }
    const server = Bun.spawn([PROGRAMS[program] ?? "", SERVER], { stdout: "pipe" });
    for await (const text of server.stdout.pipeThrough(new TextDecoderStream())) {
      return new Server(server, Number(text));
    }
    throw new Error(`the server under ${program} has ended`);
  }

  get pid(): number {
    return this.#process.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
  }
}

export interface Calls {
  readonly calls: number;
  readonly together: number;
  readonly bytes: number;
  /** So many calls, then it says "waits", and goes on when its input ends. */
  readonly first: number;
  /** The program's file, where it is not the usual one. */
  readonly file: string;
}

/** A client that runs. */
export function startClient(program: Program, port: number, options: Partial<Calls> = {}) {
  const { calls = CALLS, together = 1, bytes = 10, first = 0, file } = options;
  const script = program === "python" ? PYTHON_CLIENT : CLIENT;
  const args = [script, port, calls, together, bytes, first].map(String);
  return Bun.spawn([file ?? PROGRAMS[program] ?? "", ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
}

/** Returns the client's pid. */
export async function call(
  program: Program,
  port: number,
  options: Partial<Calls> = {},
): Promise<number> {
  const client = startClient(program, port, options);
  await client.stdin.end();
  expect(await client.exited).toBe(0);
  return client.pid;
}

/** Listens, and waits until it has found what these programs encrypt with. */
export async function listen(...names: readonly string[]): Promise<Tool> {
  const tool = await Tool.start("--attach", ANY_FRONT_END, "-v", "--ring", "64M");
  for (const name of names) await tool.says(name);
  return tool;
}

/** `type id from>to`, once for each time it was told, in order of ids. */
export function told(heard: Heard, server: Server): string[] {
  return heard.lines
    .filter((line) => textAt(line, "kind") === "message" && isFor(line, server))
    .map((line) => {
      const http = at(line, "http_transport");
      const from = numberAt(http, "from_pid");
      return `${numberAt(line, "id")} ${textAt(line, "type")} ${from}>${numberAt(http, "to_pid")}`;
    })
    .sort(byNumber);
}

export function isFor(line: Json, server: Server): boolean {
  const http = at(line, "http_transport");
  return http !== undefined && textAt(http, "host") === `127.0.0.1:${server.port}`;
}

export function byNumber(one: string, other: string): number {
  return Number.parseInt(one, 10) - Number.parseInt(other, 10) || (one < other ? -1 : 1);
}

/** What is to be told of so many calls. */
export function expected(client: number, server: number, calls: number): string[] {
  return Array.from({ length: calls }, (_, id) => [
    `${id} request ${client}>${server}`,
    `${id} response ${server}>${client}`,
  ])
    .flat()
    .sort(byNumber);
}
