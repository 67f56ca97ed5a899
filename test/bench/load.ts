/** Runs the load generator (load.c) and gives its own count. */
import { numberAt, parseObject } from "../e2e/json.ts";
import { program } from "./environment.ts";

export interface Load {
  /** Bytes of each message, line end included. */
  readonly size: number;
  /** Messages a second, requests and answers together. */
  readonly rate: number;
  readonly messages: number;
  /** Over pipes and one request at a time, as people's clients do; else over socketpairs and in bursts. */
  readonly isEveryday?: boolean;
}

export interface Sent {
  /** Messages that were sent, the handshake's three included. */
  readonly messages: number;
  /** Messages a second that it reached. */
  readonly rate: number;
}

export async function generate({ size, rate, messages, isEveryday }: Load): Promise<Sent> {
  const words = ["--size", size, "--rate", rate, "--messages", messages].map(String);
  if (isEveryday) words.push("--pipe", "--even");
  const child = Bun.spawn([program("load"), ...words], { stdin: "ignore", stderr: "inherit" });
  const sent = parseObject(await new Response(child.stdout).text());
  return { messages: numberAt(sent, "messages"), rate: numberAt(sent, "rate") };
}
