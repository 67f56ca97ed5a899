/**
 * curl, or a program like it, as a client: one process per request, gone within milliseconds. What it sent and got is what
 * the test gave and read.
 */
import type { HttpMessage } from "./truth.ts";

export interface CurlAnswer {
  readonly pid: number;
  readonly status: number;
  readonly session: string | undefined;
  /** From its start to its exit, the test's own waiting included. */
  readonly tookMs: number;
  readonly messages: readonly HttpMessage[];
}

const HEADERS = [
  "content-type: application/json",
  "accept: application/json, text/event-stream",
  "mcp-protocol-version: 2025-06-18",
];

/** The JSON texts of a body: of its events, or itself. */
function textsOf(body: string): string[] {
  if (!body.includes("data:")) return body === "" ? [] : [body];
  return body.split(/\r?\n\r?\n/).flatMap((event) => {
    const data = event.split(/\r?\n/).filter((line) => line.startsWith("data: {"));
    return data.map((line) => line.slice("data: ".length));
  });
}

/** A command that POSTs the text and writes the answer to its output, with its head. */
export type Poster = (url: string, headers: readonly string[], text: string) => readonly string[];

const CURL: Poster = (url, headers, text) => [
  ...["curl", "-sS", "-i", ...headers.flatMap((header) => ["-H", header])],
  ...["--data-binary", text, url],
];

/** One POST; `exchange` is the number that its messages get. */
export async function curl(
  url: string,
  text: string,
  session: string | undefined,
  exchange: number,
  poster = CURL,
  environment: Readonly<Record<string, string>> = {},
): Promise<CurlAnswer> {
  const headers = [...HEADERS, ...(session === undefined ? [] : [`mcp-session-id: ${session}`])];
  const startMs = performance.now();
  const child = Bun.spawn([...poster(url, headers, text)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, ...environment },
  });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`the command failed: ${output}`);
  const tookMs = performance.now() - startMs;
  const end = output.indexOf("\r\n\r\n");
  const head = output.slice(0, end);
  const given = /^mcp-session-id: (\S+)/im.exec(head)?.[1] ?? session;
  const common = { exchange, monotonicNs: 0n };
  return {
    pid: child.pid,
    status: Number(head.split(" ")[1]),
    session: given,
    tookMs,
    messages: [
      { ...common, sent: true, side: "request", session, text },
      ...textsOf(output.slice(end + 4)).map((answer) => ({
        ...common,
        sent: false,
        side: "response" as const,
        session: given,
        text: answer,
      })),
    ],
  };
}
