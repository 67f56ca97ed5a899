/** The console on terminals of usual widths: what gives way, and what never does. */
import { describe, expect, test } from "bun:test";
import type { CallLine, MessageLine } from "../../../src/exchange/types.ts";
import { chooseColors } from "../../../src/sinks/color.ts";
import { type ConsoleLineOptions, ConsoleLineRenderer } from "../../../src/sinks/console-line.ts";
import {
  callAnswer,
  callRequest,
  client,
  clock,
  frame,
  loss,
  message,
  messageLine,
  process,
  server,
  session,
  sessionLine,
  TIME_NS,
} from "./items.ts";

function renderer(columns: number | undefined, over: Partial<ConsoleLineOptions> = {}) {
  const colors = chooseColors("never", false, {});
  const options = { clock, colors, redactor: undefined, columns: () => columns, quiet: false };
  return new ConsoleLineRenderer({ ...options, ...over });
}

/** Behind the local time, whose zone is the machine's. */
const untimed = (text: string) => text.replace(/^\d\d:\d\d:\d\d\.\d{3} /gm, "");

/** What is said, lines that go on put together again. */
const rejoined = (text: string) => text.trimEnd().replace(/\n +/g, " ");

const widest = (text: string) => Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)));

const talk = session({
  client,
  server,
  clientInfo: { name: "claude", version: "1.0" },
  serverInfo: { name: "@scope/weather", version: undefined },
  protocolVersion: "2025-11-25",
});

function failure(text: string, over: Partial<MessageLine> = {}): MessageLine {
  const body = { code: -32602, message: text };
  return { ...callAnswer({ type: "error", body }), session: talk, ...over };
}

/** A tool's own error, of several parts. */
function toolError(...texts: readonly string[]): MessageLine {
  const content = texts.map((text) => ({ type: "text", text }));
  return { ...callAnswer({ body: { isError: true, content } }), session: talk };
}

function progress(over: Partial<MessageLine>, ms = 0, body: unknown = {}): MessageLine {
  return messageLine({
    session: talk,
    from: server,
    to: client,
    direction: "server-to-client",
    target: "get_weather",
    callId: "7",
    message: message({
      type: "notification",
      method: "notifications/progress",
      idText: undefined,
      body,
      frame: frame("", { timeNs: TIME_NS + ms * 1e6 }),
    }),
    ...over,
  });
}

describe("ConsoleLineRenderer on a terminal", () => {
  test("ConsoleLineRenderer in 79 columns names whom it can tell apart without a pid, and leaves the message its room", () => {
    const view = renderer(79);
    const lines = [
      view.render(sessionLine({ session: session({ client, server }) })),
      view.render({ ...callRequest(), session: talk }),
      view.render({ ...callAnswer(), session: talk }),
    ];
    expect(lines.map(untimed)).toEqual([
      "client.py  → weather.py ---  session starts: client (pid 12345),\n" +
        "             server (pid 12346)\n",
      'claude     → weather    REQ  get_weather {"city":"Oslo"}\n',
      'weather    → claude     RES  get_weather 23.4 ms "4 °C"\n',
    ]);
  });

  test("ConsoleLineRenderer shows pids where two processes have one name, from the first line that has both", () => {
    const view = renderer(79);
    const node = (pid: number) => process({ pid, comm: "node", commandLine: [] });
    const between = (from: number, to: number) =>
      untimed(
        view.render(
          messageLine({ session: session({ id: String(to) }), from: node(from), to: node(to) }),
        ),
      );
    expect([between(1, 2), between(2, 1), between(4_194_303, 3)]).toEqual([
      "node[1]    → node[2]    REQ  tools/call\n",
      "node[2]    → node[1]    REQ  tools/call\n",
      "node[4194303] → node[3]       REQ  tools/call\n",
    ]);
    expect(untimed(renderer(120).render(callRequest()))).toContain("client.py[12345]");
  });

  test("ConsoleLineRenderer needs no pid for a process that came when its namesake had ended", () => {
    const view = renderer(79);
    const exit = { code: 0, signal: undefined, timeNs: TIME_NS };
    const from = process({ pid: 1, comm: "node", commandLine: [] });
    const say = (by: typeof from) => untimed(view.render(messageLine({ from: by, to: server })));
    view.render(sessionLine({ session: session({ client: { ...from }, server }) }));
    say(from);
    view.render(sessionLine({ session: session({ client: { ...from }, server }), event: "end" }));
    from.exit = exit;
    const next = process({ pid: 2, comm: "node", commandLine: [] });
    expect([say(next), say(process({ ...next, pid: 3 }))].map((line) => line.slice(0, 7))).toEqual([
      "node   ",
      "node[3]",
    ]);
  });

  test.each([79, 120, 200])(
    "ConsoleLineRenderer in %d columns cuts nothing of an error",
    (columns) => {
      const text = `Unknown city: ${Array.from({ length: 60 }, (_, index) => `city${index}`).join(" ")}`;
      for (const line of [failure(text), toolError(text, "and more", "in parts")]) {
        const shown = renderer(columns).render(line);
        expect(widest(shown)).toBeLessThanOrEqual(columns);
        expect(shown.split("\n").length).toBeGreaterThan(3);
        expect(
          shown
            .split("\n")
            .slice(1, -1)
            .every((each) => /^ {13}\S/.test(each)),
        ).toBe(true);
        expect(rejoined(shown)).toContain(text);
      }
      expect(rejoined(renderer(columns).render(toolError("one", "two")))).toEndWith('"one" "two"');
    },
  );

  test("ConsoleLineRenderer without a terminal keeps an error in one line", () => {
    const text = "x".repeat(1_000);
    expect(untimed(renderer(undefined).render(failure(text)))).toEndWith(`-32602 ${text}\n`);
  });

  test("ConsoleLineRenderer shows so much of an endless error that nobody misses the rest", () => {
    const shown = renderer(79).render(failure("x".repeat(8 << 20)));
    expect(shown.length).toBeLessThan(6_000);
    expect(shown).toEndWith("x…\n");
  });

  test.each([79, 120])(
    "ConsoleLineRenderer in %d columns cuts no end of a session, and no loss",
    (columns) => {
      const endReason = "server was killed by SIGKILL while its supervisor looked elsewhere";
      const ended = session({ ...talk, endNs: TIME_NS, endReason });
      const end = sessionLine({ session: ended, event: "end", messages: 1_234, openCalls: 2 });
      const deaf = {
        kind: "coverage",
        reason: "server's stdout is a terminal, and so is its standard error",
        channel: undefined,
        process: process(),
        bytes: 70_000,
        timeNs: TIME_NS,
      } as const;
      const view = renderer(columns);
      const lines = [end, loss(), deaf].map((item) => view.render(item));
      expect(Math.max(...lines.map(widest))).toBeLessThanOrEqual(columns);
      expect(lines.map((line) => rejoined(line).replace(/^.*? (---|LOSS|DEAF) +/, ""))).toEqual([
        `session ends: ${endReason}, 1,234 messages, 2 calls without an answer`,
        "4.1 kB lost: ring_full",
        "cannot be heard: server's stdout is a terminal, and so is its standard error, 70.0 kB",
      ]);
    },
  );

  test("ConsoleLineRenderer cuts nothing of a program that failed under a call", () => {
    const exit = { code: 128, signal: undefined, timeNs: TIME_NS + 12e6 };
    const argv = ["git", "clone", ...Array.from({ length: 20 }, (_, index) => `--option-${index}`)];
    const effect = {
      kind: "exec",
      candidates: [],
      timeNs: TIME_NS,
      argv,
      process: process({ exit }),
    } as never;
    const [, ...under] = renderer(79)
      .render({ ...callAnswer(), effects: [effect] })
      .split("\n");
    expect(under.join("\n")).toEndWith(" exit 128 after 12.0 ms\n");
    expect(widest(under.join("\n"))).toBeLessThanOrEqual(79);
  });

  test("ConsoleLineRenderer keeps an end by a remote host within its columns", () => {
    const view = renderer(79);
    const address = "2001:db8:1234:5678:9abc:def0:1234:5678";
    const line = untimed(view.render(messageLine({ to: { address }, session: session() })));
    expect(line).toMatch(/^client\.py +→ ….*:5678 +REQ {2}tools\/call\n$/);
    expect(Bun.stringWidth(line)).toBeLessThanOrEqual(66);
  });

  test("ConsoleLineRenderer moves its columns when the terminal is made narrower", () => {
    let columns = 200;
    const view = renderer(undefined, { columns: () => columns });
    const long = process({ commandLine: ["python", `${"server-of-many-words".repeat(2)}.py`] });
    view.render(messageLine({ from: long }));
    columns = 79;
    expect(Bun.stringWidth(view.render(callRequest()))).toBeLessThanOrEqual(79);
    expect(view.render(callRequest())).toContain("get_weather");
  });
});

describe("ConsoleLineRenderer on what a line needs", () => {
  const rest = (text: string) => untimed(text).replace(/^.*? (?=(REQ|RES|ERR|NTF|CALL) )/, "");

  test("ConsoleLineRenderer names an answer by its id where its request was not heard", () => {
    const unmatched = { request: undefined, target: undefined, durationMs: undefined } as const;
    const flags = ["unmatched_response"] as const;
    const lines = [
      renderer(120).render({ ...callAnswer(), ...unmatched, flags }),
      renderer(120).render(failure("Parse error", { ...unmatched })),
      renderer(120).render({ ...callAnswer({ idText: undefined }), ...unmatched }),
    ];
    expect(lines.map(rest)).toEqual(
      [
        'RES  (id 7) (no request for it was heard) {"content":[{"t…\n',
        "ERR  (id 7) -32602 Parse error\n",
        'RES  (without an id) "4 °C"\n',
      ].map((line, index) =>
        index === 0
          ? expect.stringMatching(/^RES {2}\(id 7\) \(no request for it was heard\) "4 °C"\n$/)
          : line,
      ),
    );
  });

  test("ConsoleLineRenderer tells calls of one tool that are open at once apart by their ids", () => {
    const view = renderer(120);
    const ask = (idText: string) => ({
      ...callRequest(),
      message: { ...callRequest().message, idText },
    });
    const lines = [ask("7"), ask("8"), callAnswer({ idText: "8" }), callAnswer(), ask("9")];
    expect(
      lines.map((line) => {
        const item = "kind" in line ? line : line;
        return rest(view.render(item)).replace(/ 23\.4.*\n| \{.*\n/, "");
      }),
    ).toEqual([
      "REQ  tools/call get_weather",
      "REQ  tools/call get_weather (id 8)",
      "RES  tools/call get_weather (id 8)",
      "RES  tools/call get_weather (id 7)",
      "REQ  tools/call get_weather",
    ]);
  });

  test("ConsoleLineRenderer says which call was cancelled, and which had no answer", () => {
    const cancelled = progress({
      message: message({
        type: "notification",
        method: "notifications/cancelled",
        body: { requestId: 7, reason: "took too long" },
      }),
    });
    const call: CallLine = {
      kind: "call",
      session: talk,
      direction: "client-to-server",
      request: callRequest().message,
      response: undefined,
      method: "tools/call",
      target: "get_weather",
      outcome: "unanswered",
      chain: undefined,
      progressCount: 0,
      logCount: 0,
      timeNs: TIME_NS,
      durationMs: undefined,
      serverMs: undefined,
    };
    expect([cancelled, call].map((line) => rest(renderer(79).render(line)))).toEqual([
      expect.stringMatching(
        /^NTF {2}cancelled get_weather \(id 7\) took too\n {13}long\n$|long\n$/,
      ),
      "CALL get_weather (id 7) unanswered after\n             0.00 ms\n",
    ]);
  });

  test("ConsoleLineRenderer says what makes a message no JSON", () => {
    const { message } = callAnswer();
    const line = { ...callAnswer(), message: { ...message, jsonError: "NaN at 69" } };
    const shown = renderer(79).render({ ...line, flags: ["invalid_json", "no_line_end"] });
    expect(rejoined(shown)).toContain("(no JSON: NaN at 69, no line end)");
  });

  test("ConsoleLineRenderer says flags in words, and wholly", () => {
    const flags = ["duplicate_key", "late_attach", "not_jsonrpc_2"] as const;
    const shown = renderer(79).render({ ...callAnswer(), session: talk, flags });
    expect(rejoined(shown)).toContain("(a key stands twice, not JSON-RPC 2.0)");
    expect(shown).not.toContain("late_attach");
    expect(rest(renderer(120).render({ ...callAnswer(), flags: ["late_attach"] }))).toBe(
      'RES  tools/call get_weather 23.4 ms "4 °C"\n',
    );
  });

  test.each([
    [7_000, 102, "7.00 s (server 102 ms)"],
    [7_000, 6_900, "7.00 s"],
    [40, 0.1, "40.0 ms"],
    [7_000, undefined, "7.00 s"],
  ])(
    "ConsoleLineRenderer of %p ms waited and %p ms served says %s",
    (durationMs, serverMs, text) => {
      const line = { ...callAnswer(), durationMs, serverMs };
      expect(rest(renderer(120).render(line))).toBe(`RES  tools/call get_weather ${text} "4 °C"\n`);
    },
  );

  test("ConsoleLineRenderer leaves the method away where only the tool has room", () => {
    const line = {
      ...callAnswer(),
      durationMs: 1_500,
      serverMs: 0.1,
      target: "search_everything_everywhere",
    };
    expect(rest(renderer(112).render(line))).toBe(
      'RES  search_everything_everywhere 1.50 s (server 0.10 ms) "4…\n',
    );
  });

  test("ConsoleLineRenderer says how large a large message is", () => {
    expect(rest(renderer(120).render(callAnswer({ bytes: 200_345 })))).toBe(
      'RES  tools/call get_weather 23.4 ms 200.3 kB "4 °C"\n',
    );
  });

  test("ConsoleLineRenderer shows of progress what it is of, how far it is, and one line a second", () => {
    const view = renderer(79);
    const lines = Array.from({ length: 150 }, (_, index) =>
      progress({}, index * 10, { progressToken: "x", progress: index, total: 200, message: "on" }),
    );
    const shown = lines.map((line) => view.render(line)).filter((line) => line !== "");
    shown.push(view.render({ ...callAnswer(), session: talk }));
    expect(shown.map((line) => rejoined(rest(line)))).toEqual([
      "NTF  get_weather 0/200 on",
      "NTF  get_weather 100/200 (99 not shown) on",
      'RES  get_weather 23.4 ms (49 of progress not shown) "4 °C"',
    ]);
  });

  test("ConsoleLineRenderer shows a server's log by its level, an alarm wholly", () => {
    const log = (level: string) =>
      progress({
        target: undefined,
        message: message({
          type: "notification",
          method: "notifications/message",
          body: { level, logger: "db", data: `${"no connection ".repeat(9)}at all` },
        }),
      });
    expect(rest(renderer(79).render(log("info")))).toMatch(
      /^NTF {2}message info db: "no conn.*…\n$/,
    );
    expect(rejoined(renderer(79).render(log("error")))).toEndWith('at all"');
  });
});
