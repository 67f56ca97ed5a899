/** The record that record.mjs and record.py keep of one process's HTTP, read back. */
import { readFile } from "node:fs/promises";
import { type JsonObject, numberAt, parseObject, textAt } from "../json.ts";
import type { TruthLine } from "../truth.ts";

export interface HttpMessage extends TruthLine {
  /** In which half of its exchange it was. */
  readonly side: "request" | "response";
  /** Mcp-Session-Id of the answer, else of the request. */
  readonly session: string | undefined;
  /** Counts this process's exchanges. */
  readonly exchange: number;
}

export interface HttpExchange {
  readonly exchange: number;
  readonly role: "client" | "server";
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly session: string | undefined;
}

/** What one process saw of all its peers. */
export interface HttpTruth {
  readonly self: number;
  readonly messages: readonly HttpMessage[];
  /** Those whose answer began. */
  readonly exchanges: readonly HttpExchange[];
}

const sessionOf = (entry: JsonObject) =>
  entry["session"] === null ? undefined : textAt(entry, "session");

function toMessage(entry: JsonObject): HttpMessage {
  return {
    sent: textAt(entry, "direction") === "sent",
    side: textAt(entry, "side") === "request" ? "request" : "response",
    text: textAt(entry, "text"),
    monotonicNs: BigInt(textAt(entry, "ns")),
    session: sessionOf(entry),
    exchange: numberAt(entry, "exchange"),
  };
}

function toExchange(entry: JsonObject): HttpExchange {
  return {
    exchange: numberAt(entry, "exchange"),
    role: textAt(entry, "role") === "client" ? "client" : "server",
    method: textAt(entry, "method"),
    path: textAt(entry, "path"),
    status: numberAt(entry, "status"),
    session: sessionOf(entry),
  };
}

/** One record per process that wrote into the file: several where a server is started by a wrapper. */
export async function readHttpTruth(file: string): Promise<HttpTruth[]> {
  const entries = (await readFile(file, "utf8"))
    .split("\n")
    .filter((text) => text !== "")
    .map(parseObject);
  const pids = [...new Set(entries.map((entry) => numberAt(entry, "self")))];
  return pids.map((self) => {
    const own = entries.filter((entry) => entry["self"] === self);
    return {
      self,
      messages: own.filter((entry) => entry["event"] === "message").map(toMessage),
      exchanges: own.filter((entry) => entry["event"] === "exchange").map(toExchange),
    };
  });
}
