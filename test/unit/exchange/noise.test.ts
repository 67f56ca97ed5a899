import { describe, expect, test } from "bun:test";
import type { Channel, LossReason, Process } from "../../../src/capture/types.ts";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import { SummaryCollector } from "../../../src/exchange/summary.ts";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import type { Noise } from "../../../src/framing/types.ts";
import type { WrittenAs } from "../../../src/stream/types.ts";
import {
  channel,
  closed,
  INITIALIZE,
  INITIALIZED,
  MS,
  message,
  pair,
  pidOf,
  request,
  result,
  run,
  SECOND,
  tick,
} from "./build.ts";

function noise(on: Channel, bytes: number, head: string, timeNs = MS, holdsMessage = false): Noise {
  return {
    kind: "noise",
    channel: on,
    bytes,
    of: "text",
    text: { head, lines: 1, holdsMessage, timeNs },
  };
}

/** [direction, pids, text, lines, bytes] of lines about noise; other lines by their kind. */
function told(items: readonly ExchangeItem[]): unknown[] {
  return items.map((item) => {
    if (item.kind !== "noise") return item.kind === "session" ? `session ${item.event}` : item.kind;
    const { direction, from, to, text, lines, bytes, holdsMessage } = item;
    const what = [direction, pidOf(from), pidOf(to), text, lines, bytes];
    return holdsMessage ? [...what, "holds a message"] : what;
  });
}

const stage = () => new ExchangeStage({ allJsonrpc: false });

function output(writer: Process, reader: Process, as: WrittenAs | undefined): Channel {
  return { ...channel("pipe:9", writer, reader), writtenAs: () => as };
}

const OUTPUT = { isOutput: true, isError: false, isFed: true };

describe("ExchangeStage tells of noise", () => {
  test("ExchangeStage tells what a server said before its first answer, behind the session's start", () => {
    const { up, down } = pair();
    const to = stage();
    expect(told(to.push(noise(down, 19, "MCP Server started")))).toEqual([]);
    expect(told(to.push(message(up, 2 * MS, INITIALIZE)))).toEqual(["session start", "message"]);
    expect(to.noiseBytes).toBe(0);
    expect(told(to.push(message(down, 3 * MS, INITIALIZED)))).toEqual([
      "session update",
      "message",
      "call",
      ["server-to-client", 101, 100, "MCP Server started", 1, 19],
    ]);
    expect(to.noiseBytes).toBe(19);
  });

  test("ExchangeStage tells the first at once, the next after a while, and the rest at the end", () => {
    const { up, down } = pair();
    const to = stage();
    to.push(message(up, MS, INITIALIZE));
    to.push(message(down, MS, INITIALIZED));
    const at = (ms: number, text: string) => told(to.push(noise(down, 10, text, ms * MS)));
    const line = (text: string, lines: number) => [
      "server-to-client",
      101,
      100,
      text,
      lines,
      lines * 10,
    ];
    expect(at(10, "one")).toEqual([line("one", 1)]);
    expect(at(20, "two")).toEqual([]);
    expect(at(1020, "three")).toEqual([line("two", 2)]);
    expect(at(2030, "four")).toEqual([]);
    expect(at(3030, "five")).toEqual([line("four", 2)]);
    expect(at(3040, "six")).toEqual([]);
    to.push(closed(up, 4 * SECOND));
    const last = to.push(closed(down, 4 * SECOND));
    expect(told([...last, ...to.end()])).toEqual([line("six", 1), "session end"]);
    expect(to.noiseBytes).toBe(60);
  });

  test("ExchangeStage tells of a message in a line of text at once, and does not let others hide it", () => {
    const { up, down } = pair();
    const to = stage();
    to.push(message(up, MS, INITIALIZE));
    to.push(message(down, MS, INITIALIZED));
    to.push(noise(down, 1, "one"));
    to.push(noise(down, 2, "two"));
    expect(told(to.push(noise(down, 4, 'x: {"jsonrpc"', 2 * MS, true)))).toEqual([
      ["server-to-client", 101, 100, 'x: {"jsonrpc"', 2, 6, "holds a message"],
    ]);
  });

  test("ExchangeStage tells what the client says beside its messages, too", () => {
    const { up } = pair();
    const to = stage();
    to.push(message(up, MS, INITIALIZE));
    expect(told(to.push(noise(up, 5, "junk")))).toEqual([
      ["client-to-server", 100, 101, "junk", 1, 5],
    ]);
  });

  test("ExchangeStage counts blank lines, and tells of them without a text at the end only", () => {
    const { up } = pair();
    const to = stage();
    to.push(message(up, MS, INITIALIZE));
    expect(to.push({ kind: "noise", channel: up, bytes: 2, of: "text" })).toEqual([]);
    expect(told(to.end())).toEqual([["client-to-server", 100, 101, "", 0, 2]]);
  });

  test.each<[string, WrittenAs | undefined, boolean]>([
    ["its standard output", OUTPUT, true],
    ["its standard error", { ...OUTPUT, isOutput: false, isError: true }, false],
    ["both", { ...OUTPUT, isError: true }, false],
    ["nobody knows what", undefined, false],
  ])(
    "ExchangeStage takes for a server's what it says instead of an answer by %s",
    (_what, as, is) => {
      for (const isBefore of [true, false]) {
        const { client, server, up } = pair();
        const down = output(server, client, as);
        const to = stage();
        const out: ExchangeItem[] = [];
        if (isBefore) out.push(...to.push(noise(down, 30, "Usage: server FILE")));
        out.push(...to.push(message(up, 2 * MS, INITIALIZE)));
        if (!isBefore) out.push(...to.push(noise(down, 30, "Usage: server FILE")));
        const lines = told(out).filter((line) => Array.isArray(line));
        const line = ["server-to-client", 101, 100, "Usage: server FILE", 1, 30];
        expect([lines, to.noiseBytes]).toEqual(is ? [[line], 30] : [[], 0]);
      }
    },
  );

  test.each(["a tick", "the session"])(
    "ExchangeStage asks who wrote what came before its note: at %s",
    (when) => {
      const { client, server, up } = pair();
      let asked = 0;
      const down: Channel = {
        ...channel("pipe:9", undefined, client),
        writtenAs: () => {
          asked++;
          return OUTPUT;
        },
      };
      const to = stage();
      to.push(noise(down, 8, "started", MS));
      expect(asked).toBe(0);
      down.writer = server;
      if (when === "a tick") to.push(tick(2 * MS));
      expect(asked).toBe(when === "a tick" ? 1 : 0);
      expect(told(to.push(message(up, 3 * MS, INITIALIZE)))).toEqual([
        "session start",
        "message",
        ["server-to-client", 101, 100, "started", 1, 8],
      ]);
    },
  );

  test("ExchangeStage tells what a server said first before what it said when it became known as its writer", () => {
    const { client, server, up } = pair();
    const down: Channel = { ...output(server, client, OUTPUT), writer: undefined };
    const to = stage();
    to.push(noise(down, 8, "started", MS));
    to.push(message(up, 2 * MS, INITIALIZE));
    down.writer = server;
    expect(told(to.push(noise(down, 7, "db up", 3 * MS)))).toEqual([
      ["server-to-client", 101, 100, "started", 2, 15],
    ]);
  });

  test("ExchangeStage does not take what a server says elsewhere for its session's, once it has answered", () => {
    const { client, server, up, down } = pair();
    const to = stage();
    to.push(message(up, MS, INITIALIZE));
    to.push(message(down, MS, INITIALIZED));
    to.push(noise(output(server, client, OUTPUT), 30, "elsewhere"));
    expect(to.noiseBytes).toBe(0);
  });

  test("ExchangeStage says nothing of text beside JSON-RPC that is not MCP", () => {
    const { up } = pair();
    const to = stage();
    to.push(message(up, MS, request(1, "textDocument/hover"), { mcp: false }));
    to.push(noise(up, 5, "Content-Length: 5"));
    expect([told(to.end()).filter((line) => Array.isArray(line)), to.noiseBytes]).toEqual([[], 0]);
  });
});

describe("ExchangeStage does not call a call unanswered whose answer nobody listened for", () => {
  const outcomes = (items: readonly ExchangeItem[]) =>
    items.flatMap((item) => (item.kind === "call" ? [[item.request.idText, item.outcome]] : []));

  test("ExchangeStage.deafen makes what was asked until then unheard, and nothing else", () => {
    const { up, down, server } = pair();
    const to = stage();
    to.push(message(up, 1 * MS, INITIALIZE));
    to.push(message(down, 2 * MS, INITIALIZED));
    to.push(message(up, 3 * MS, request(1, "tools/list")));
    to.push(message(up, 4 * MS, request(2, "tools/list")));
    to.deafen(down, 3 * MS);
    to.push(message(down, 5 * MS, result(7)));
    server.exit = { timeNs: 9 * MS, code: 1, signal: undefined };
    const out = [...to.push(closed(down, 10 * MS)), ...to.push(closed(up, 10 * MS)), ...to.end()];
    expect(outcomes(out)).toEqual([
      ["1", "unheard"],
      ["2", "unanswered"],
    ]);
  });

  test("ExchangeStage.deafen finds what a process is asked by a channel that has shown no message", () => {
    const { up, client, server } = pair();
    const to = stage();
    to.push(message(up, 1 * MS, INITIALIZE));
    to.deafen(channel("pipe:9", server, client), 1 * MS);
    server.exit = { timeNs: 2 * MS, code: 1, signal: undefined };
    client.exit = { timeNs: 2 * MS, code: 1, signal: undefined };
    expect(outcomes([...to.push(closed(up, 3 * MS)), ...to.end()])).toEqual([["0", "unheard"]]);
  });

  test.each<[LossReason, string]>([
    ["ring_full", "unheard"],
    ["cut_by_gap", "unheard"],
    ["line_too_long", "unheard"],
    ["unread", "unanswered"],
    ["unfinished_line", "unanswered"],
  ])("ExchangeStage has a call end after a loss of %s as %s", (reason, outcome) => {
    const { up, down } = pair();
    const to = stage();
    to.push(message(up, 1 * MS, INITIALIZE));
    to.push(message(down, 2 * MS, INITIALIZED));
    to.push(message(up, 3 * MS, request(1, "tools/list")));
    to.push({ kind: "loss", channel: down, bytes: 5, reason, timeNs: 4 * MS });
    to.push(message(up, 5 * MS, request(2, "tools/list")));
    const ends = [closed(down, 10 * MS), closed(up, 10 * MS)];
    const out = [...ends.flatMap((end) => to.push(end)), ...to.end()];
    expect(outcomes(out)).toEqual([
      ["1", outcome],
      ["2", "unanswered"],
    ]);
  });

  test("ExchangeStage.deafen for ever ends with the next message of that direction", () => {
    const { up, down } = pair();
    const to = stage();
    to.push(message(up, 1 * MS, INITIALIZE));
    to.push(message(down, 2 * MS, INITIALIZED));
    to.push(message(up, 3 * MS, request(1, "tools/list")));
    to.deafen(down, Number.POSITIVE_INFINITY);
    to.push(message(down, 5 * MS, result(7)));
    to.push(message(up, 6 * MS, request(2, "tools/list")));
    const ends = [closed(down, 10 * MS), closed(up, 10 * MS)];
    const out = [...ends.flatMap((end) => to.push(end)), ...to.end()];
    expect(outcomes(out)).toEqual([
      ["1", "unheard"],
      ["2", "unanswered"],
    ]);
  });
});

describe("SummaryCollector", () => {
  test("SummaryCollector adds noise up by server, under the name that it has in the end", () => {
    const [one, other] = [pair(100), pair(200)];
    const to = stage();
    const collector = new SummaryCollector(to, { startNs: 0, replay: false });
    const hear = (items: Parameters<typeof run>[0]) => collector.observe(run(items, to));
    for (const { up, down } of [one, other]) {
      hear([
        message(up, MS, INITIALIZE),
        noise(down, 10, "first"),
        message(down, 2 * MS, INITIALIZED),
        noise(down, 5, "second", 3 * SECOND),
        noise(down, 7, 'x {"jsonrpc"', 3 * SECOND, true),
        noise(up, 3, "junk", 4 * SECOND),
      ]);
    }
    collector.observe(to.end());
    const sums = collector.make(undefined, "signal", 5 * SECOND);
    expect([sums.noiseBytes, sums.noise]).toEqual([
      50,
      [
        {
          server: "srv",
          direction: "server-to-client",
          lines: 6,
          bytes: 44,
          text: 'x {"jsonrpc"',
          holdsMessage: true,
        },
        {
          server: "srv",
          direction: "client-to-server",
          lines: 2,
          bytes: 6,
          text: "junk",
          holdsMessage: false,
        },
      ],
    ]);
  });

  test("SummaryCollector is not exact once something of a conversation was set aside", () => {
    const collector = new SummaryCollector(stage(), { startNs: 0, replay: false });
    const facts = {
      frontEnd: "fexit",
      kernel: "6.12",
      exact: true,
      skippedRuns: 0,
      missedBytes: 0,
      notesLost: 0,
      processEventsLost: 0,
      channelsSeen: 1,
      unattributedBytes: 0,
    };
    const where = { channel: undefined, process: undefined, bytes: 0, timeNs: 1 };
    const exact = () => collector.make(facts, "signal", 1).capture?.exact;
    collector.observe([{ kind: "coverage", reason: "io_uring", ...where }]);
    expect(exact()).toBe(true);
    collector.observe([{ kind: "coverage", reason: "set_aside", ...where }]);
    expect(exact()).toBe(false);
  });
});
