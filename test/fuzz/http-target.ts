/**
 * Any bytes of both directions of a connection, cut anywhere, with holes and skips, through framing: every byte is
 * accounted for, and the next connection is heard. An input is what was moved in turn; RS and "<" or ">" turn it round.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FramingStage } from "../../src/framing/framing-stage.ts";
import {
  answer,
  brief,
  bytesOf,
  CALL,
  ConnectionRun,
  chunked,
  EVENTS_HEAD,
  jsonAnswer,
  makeConnection,
  post,
  RESULT,
  type Step,
} from "../unit/framing/http-script.ts";
import * as frames from "../unit/framing/http2/frames.ts";
import { assertEqual, type FuzzTarget, type Random } from "./target.ts";

const TURNS = { S: Buffer.from("\x1e<"), C: Buffer.from("\x1e>") };
const fixtures = join(import.meta.dir, "../fixtures");

/** Calls of a fixture, as an input. */
function captured(name: string): Buffer {
  const lines = readFileSync(join(fixtures, name, "calls.jsonl"), "utf8")
    .trim()
    .split("\n");
  const calls = lines.map((line): { side: string; text?: string } => JSON.parse(line));
  return script(calls.map(({ side, text = "" }) => [side === "request" ? "C" : "S", text]));
}

function script(steps: readonly (readonly ["C" | "S", string | Uint8Array])[]): Buffer {
  return Buffer.concat(steps.flatMap(([who, piece]) => [TURNS[who], Buffer.from(piece)]));
}

/** The same of a fixture of HTTP/2. */
function captured2(name: string): Buffer {
  const lines = readFileSync(join(fixtures, name, "calls.jsonl"), "utf8")
    .trim()
    .split("\n");
  const calls = lines.map((line): { side: string; base64: string } => JSON.parse(line));
  return script(
    calls.map(({ side, base64 }) => [
      side === "request" ? "C" : "S",
      Buffer.from(base64, "base64"),
    ]),
  );
}

const events = `${EVENTS_HEAD}${chunked(`id: 1\ndata: ${RESULT}\n\n`, ": x\r\n\r\n")}0\r\n\r\n`;

const seeds = [
  ...["http-v1-bun-server", "http-v1-node-server", "http-v1-node-client", "http-v2-auto"].map(
    captured,
  ),
  script([
    ["C", post(CALL) + post(CALL)],
    ["S", jsonAnswer(RESULT) + events],
  ]),
  script([
    ["C", `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(CALL)}0\r\nX: y\r\n\r\n`],
    ["S", `HTTP/1.1 100 Continue\r\n\r\n${answer("202 Accepted", "")}`],
    ["C", "GET /sse HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n"],
    ["S", `${EVENTS_HEAD}${chunked("event: endpoint\ndata: /messages?s=1\n\n")}`],
    ["C", "CONNECT a:1 HTTP/1.1\r\n\r\n"],
    ["S", "HTTP/1.1 200 OK\r\n\r\nx"],
  ]),
];

const seeds2 = [
  ...["http2-node", "http2-go", "http2-curl", "http2-upgrade"].map(captured2),
  script([
    ["C", frames.HELLO],
    ["S", frames.WELCOME],
    ["C", frames.ask(1, CALL)],
    ["C", frames.head(3, [...frames.ASK, ["content-encoding", "gzip"]])],
    ["S", frames.head(1, frames.EVENTS)],
    ["S", frames.data(1, `id: 1\ndata: ${RESULT}\n\n`)],
    ["C", frames.reset(1)],
    ["C", frames.data(3, CALL, true)],
    ["S", frames.frame(frames.PUSH_PROMISE, frames.END_HEADERS, 3, Buffer.of(0, 0, 0, 2, 0x82))],
    ["S", frames.answer(3, RESULT)],
  ]),
];

export const httpTarget = makeTarget("http", seeds);
export const http2Target = makeTarget("http2", seeds2);

function makeTarget(name: string, from: readonly Uint8Array[]): FuzzTarget {
  return {
    name,
    seeds: from,
    check(input, random) {
      const whole = listen(stepsOf(input), random, false);
      const cut = listen(cutUp(stepsOf(input), random), random, true);
      for (const run of [whole, cut]) {
        const items = [...run.items, ...run.framing.end()];
        assertEqual(bytesOf(items, run.connection.request), run.moved.C, "bytes of requests");
        assertEqual(bytesOf(items, run.connection.response), run.moved.S, "bytes of answers");
      }
    },
  };
}

function stepsOf(input: Uint8Array): (readonly ["C" | "S", Buffer])[] {
  const steps: (readonly ["C" | "S", Buffer])[] = [];
  const bytes = Buffer.from(input);
  let who: "C" | "S" = "C";
  for (let at = 0; at < bytes.length; ) {
    const [toServer, toClient] = [bytes.indexOf(TURNS.C, at), bytes.indexOf(TURNS.S, at)];
    const turns = [toServer, toClient].filter((turn) => turn >= 0);
    const end = Math.min(bytes.length, ...turns);
    if (end > at) steps.push([who, bytes.subarray(at, end)]);
    who = end === toClient ? "S" : "C";
    at = end + TURNS.C.length;
  }
  return steps;
}

function cutUp(steps: readonly (readonly ["C" | "S", Buffer])[], random: Random): Step[] {
  return steps.flatMap(([who, bytes]) => {
    const pieces: Step[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random(random(4) === 0 ? 3 : 400);
      pieces.push([who, bytes.subarray(at, at + size)]);
      if (random(12) === 0) pieces.push([who, { lost: random(99) }]);
      if (random(24) === 0) pieces.push([who, { skipped: random(99) }]);
      at += size;
    }
    return pieces;
  });
}

/** `mayVary`: the connection may have begun before, and its directions may not be known to belong together. */
function listen(steps: readonly Step[], random: Random, mayVary: boolean): ConnectionRun {
  const framing = new FramingStage({ maxLineBytes: 512, maxTotalBytes: 4096 });
  const late = mayVary && random(3) === 0;
  const kind = random(3) === 0 ? "unix-stream" : "tcp";
  const made = new ConnectionRun(makeConnection(kind, late, !mayVary || random(4) > 0), framing);
  for (const step of steps) made.step(step);
  const next = new ConnectionRun(makeConnection(), framing);
  next.step(["C", post(CALL)]);
  next.step(["S", jsonAnswer(RESULT)]);
  const frames = next.items.filter((item) => item.kind === "frame");
  assertEqual(
    brief(frames).map((line) => String(line).split(",")[0]),
    ["request", "response"],
    "next",
  );
  // for its memory something of the first may have been dropped
  made.items.push(...next.items);
  if (random(2) === 0) for (const who of ["C", "S"] as const) made.step([who, "end"]);
  return made;
}
