/** What overhear wrote about a hop of HTTP, against what its two ends recorded: exchange by exchange. */
import { expect } from "bun:test";
import {
  ends,
  expectCalls,
  expectPaired,
  expectSameContent,
  firstDifference,
  hop,
  sessionsBetween,
} from "../compare.ts";
import { at, type JsonObject, numberAt, textAt } from "../json.ts";
import type { Heard } from "../listener.ts";
import type { HttpMessage, HttpTruth } from "./truth.ts";

/** One exchange's messages, in order, with the session that each half named; numbers of exchanges are nobody else's. */
type Halves = Readonly<Record<"request" | "response", readonly string[]>>;

interface Said {
  readonly exchange: number;
  readonly side: "request" | "response";
  readonly session: string | undefined;
  readonly text: string;
}

/** The exchanges as text, in an order of their own: whose number or time does not matter. */
function exchanges(said: readonly Said[]): string[] {
  const byNumber = new Map<number, Record<"request" | "response", string[]>>();
  for (const { exchange, side, session, text } of said) {
    const halves = byNumber.get(exchange) ?? { request: [], response: [] };
    byNumber.set(exchange, halves);
    halves[side].push(`${session ?? "no session"} ${text}`);
  }
  return [...byNumber.values()].map((halves: Halves) => JSON.stringify(halves)).sort();
}

function heardAs(lines: readonly JsonObject[]): Said[] {
  return lines.map((line) => {
    const session = at(line, "http_transport", "session_id");
    return {
      exchange: numberAt(line, "http_transport", "exchange"),
      side: at(line, "http_transport", "is_request") === true ? "request" : "response",
      session: typeof session === "string" ? session : undefined,
      text: textAt(line, "raw"),
    };
  });
}

/** Lines of a hop say what these messages of its one end said: all, once, in their exchanges, from and to the right ends. */
export function expectSameExchanges(
  lines: readonly JsonObject[],
  self: number,
  messages: readonly HttpMessage[],
): void {
  expect(firstDifference(exchanges(heardAs(lines)), exchanges(messages))).toBeUndefined();
  const sent = messages.filter((message) => message.sent).map((message) => message.text);
  const fromSelf = lines.filter((line) => at(line, "http_transport", "from_pid") === self);
  const heard = fromSelf.map((line) => textAt(line, "raw"));
  expect(firstDifference(heard.sort(), sent.sort())).toBeUndefined();
}

/** What the tool itself says that it lost of a hop. */
function lossesOf(heard: Heard, client: number, server: number): JsonObject[] {
  return heard.lines.filter((line) => {
    const { from, to } = ends(line);
    // What was there to be read by nobody: a stream's last chunk, its client gone.
    if (line["reason"] === "unread") return false;
    return line["kind"] === "loss" && [from, to].some((end) => end === client || end === server);
  });
}

/** Every check for the hop between a client and a server that talked with nobody else. Gives its session lines. */
export function expectWholeHop(heard: Heard, client: HttpTruth, server: HttpTruth): JsonObject[] {
  const lines = hop(heard, client.self, server.self);
  expect(lossesOf(heard, client.self, server.self)).toEqual([]);
  expectSameExchanges(lines, client.self, client.messages);
  expectSameExchanges(lines, server.self, server.messages);
  expectSameContent(lines);
  const sessions = sessionsBetween(heard, client.self, server.self);
  for (const session of sessions) {
    const id = textAt(session, "session");
    const own = lines.filter((line) => line["session"] === id);
    expect({ messages: session["messages"], open: session["open_calls"] }).toEqual({
      messages: own.length,
      open: 0,
    });
    expectPaired(own, client.self, sessions.length === 1 ? client.messages : []);
    expectCalls(heard, id, own);
  }
  const ids = new Set(sessions.map((session) => session["session"]));
  expect(lines.filter((line) => !ids.has(line["session"]))).toEqual([]);
  return sessions;
}
