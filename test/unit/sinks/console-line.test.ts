import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { CallLine, WaitingLine } from "../../../src/exchange/types.ts";
import { chooseColors } from "../../../src/sinks/color.ts";
import { type ConsoleLineOptions, ConsoleLineRenderer } from "../../../src/sinks/console-line.ts";
import { redactor } from "../../../src/sinks/redact.ts";
import {
  callAnswer,
  callRequest,
  client,
  clock,
  loss,
  message,
  messageLine,
  noiseLine,
  process,
  server,
  session,
  sessionLine,
  TIME_NS,
} from "./items.ts";

const plain = chooseColors("never", false, {});

function renderer(over: Partial<ConsoleLineOptions> = {}): ConsoleLineRenderer {
  return new ConsoleLineRenderer({
    clock,
    colors: plain,
    redactor: undefined,
    columns: () => undefined,
    quiet: false,
    ...over,
  });
}

/** Behind the local time, whose zone is the machine's. */
const untimed = (line: string) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, "");

const talk = session({
  client,
  server,
  clientInfo: { name: "claude", version: "1.0" },
  serverInfo: { name: "weather", version: undefined },
  protocolVersion: "2025-11-25",
});

describe("ConsoleLineRenderer", () => {
  test("ConsoleLineRenderer starts with the local time of the kernel's clock", () => {
    const line = renderer().render(callRequest());
    const local = new Date(Date.UTC(2026, 10, 20, 12, 34, 56));
    const two = (part: number) => String(part).padStart(2, "0");
    expect(line.slice(0, 13)).toBe(
      `${two(local.getHours())}:${two(local.getMinutes())}:${two(local.getSeconds())}.789 `,
    );
  });

  test("ConsoleLineRenderer shows a call, its answer and an error in columns", () => {
    const view = renderer();
    const failed = callAnswer({
      type: "error",
      resultText: undefined,
      errorText: "{}",
      body: { code: -32602, message: "Unknown city" },
    });
    const lines = [
      view.render({ ...callRequest(), session: talk }),
      view.render({ ...callAnswer(), session: talk }),
      view.render({ ...failed, session: talk }),
    ];
    expect(lines.map(untimed)).toEqual([
      'claude[12345]  → weather[12346] REQ  tools/call get_weather {"city":"Oslo"}\n',
      'weather[12346] → claude[12345]  RES  tools/call get_weather 23.4 ms "4 °C"\n',
      "weather[12346] → claude[12345]  ERR  tools/call get_weather 23.4 ms -32602 Unknown city\n",
    ]);
  });

  test("ConsoleLineRenderer names processes that never said their name by what they run", () => {
    const line = renderer().render(
      messageLine({
        from: process({
          comm: "node",
          commandLine: ["node", "/a/node_modules/@x/client/dist/i.js"],
        }),
        to: process({ pid: 2, comm: "node", commandLine: [] }),
      }),
    );
    expect(untimed(line)).toBe("@x/client[12345] → node[2]          REQ  tools/call\n");
  });

  test("ConsoleLineRenderer says ? for a sender that is not known", () => {
    expect(untimed(renderer().render(messageLine({ from: undefined })))).toBe(
      "?                 → weather.py[12346] REQ  tools/call\n",
    );
  });

  test("ConsoleLineRenderer shows a tool's own error as an error", () => {
    const line = renderer().render(
      callAnswer({ body: { isError: true, content: [{ type: "text", text: "no such city" }] } }),
    );
    expect(untimed(line)).toContain('ERR  tools/call get_weather 23.4 ms "no such city"\n');
  });

  test("ConsoleLineRenderer says how long a list is", () => {
    const line = renderer().render(
      callAnswer({ body: { tools: [{ name: "a" }, { name: "b" }], nextCursor: "x" } }),
    );
    expect(untimed(line)).toContain("23.4 ms 2 tools\n");
  });

  test("ConsoleLineRenderer shows how sessions start, what they are and why they end", () => {
    const view = renderer();
    const ended = session({ ...talk, endNs: TIME_NS, endReason: "server exited with code 0" });
    const parts = [
      view.render(sessionLine({ session: session({ client, server }) })),
      view.render(sessionLine({ session: talk, event: "update" })),
      view.render(sessionLine({ session: ended, event: "end", messages: 1, openCalls: 2 })),
    ].map((line) => line.slice(line.indexOf("---")));
    expect(parts).toEqual([
      "---  session starts\n",
      "---  session: MCP 2025-11-25, client claude 1.0, server weather\n",
      "---  session ends: server exited with code 0, 1 message, 2 calls without an answer\n",
    ]);
  });

  test("ConsoleLineRenderer names the calls that a session leaves without an answer below its end", () => {
    const unanswered = {
      session: talk,
      method: "tools/call",
      target: "dead",
      idText: "8",
      sinceNs: TIME_NS - 12_300_000_000,
      endNs: TIME_NS,
    };
    const ended = { event: "end", session: talk, messages: 30 } as const;
    const shown = (count: number) =>
      renderer()
        .render(
          sessionLine({ ...ended, openCalls: count, unanswered: Array(count).fill(unanswered) }),
        )
        .split("\n")
        .slice(1);
    const name = "             ↳ no answer in 12.30 s: tools/call dead (id 8)";
    expect(shown(2)).toEqual([name, name, ""]);
    expect(shown(12)).toEqual([...Array(10).fill(name), "             ↳ and 2 more", ""]);
  });

  test("ConsoleLineRenderer says that a call waits, and whether it reports progress", () => {
    const waiting: WaitingLine = {
      kind: "waiting",
      session: talk,
      direction: "client-to-server",
      request: message(),
      method: "tools/call",
      target: "get_weather",
      progressCount: 0,
      sinceNs: TIME_NS - 10_200_000_000,
      timeNs: TIME_NS,
    };
    const view = renderer();
    expect(untimed(view.render(waiting))).toBe(
      "claude[12345]  → weather[12346] WAIT no answer in 10.20 s: tools/call get_weather (id 7)\n",
    );
    expect(untimed(view.render({ ...waiting, progressCount: 3 }))).toContain(
      "no answer in 10.20 s, 3 progress reports: tools/call",
    );
    expect(renderer({ quiet: true }).render(waiting)).toBe("");
    expect(renderer({ columns: () => 80 }).render(waiting)).toContain(
      "WAIT 10.20 s: get_weather (id 7)",
    );
  });

  test("ConsoleLineRenderer shows finished calls from the asker to the asked", () => {
    const call: CallLine = {
      kind: "call",
      session: talk,
      direction: "server-to-client",
      request: message({ method: "sampling/createMessage" }),
      response: undefined,
      method: "sampling/createMessage",
      target: undefined,
      outcome: "unanswered",
      chain: undefined,
      progressCount: 0,
      logCount: 0,
      timeNs: TIME_NS,
      durationMs: undefined,
      serverMs: undefined,
    };
    const view = renderer({ quiet: true });
    expect(untimed(view.render(call))).toBe(
      "weather[12346] → claude[12345]  CALL sampling/createMessage (id 7) unanswered after 0.00 ms\n",
    );
    expect(view.render({ ...call, outcome: "ok" })).toBe("");
    expect(
      untimed(
        renderer().render({ ...call, direction: "client-to-server", outcome: "ok", durationMs: 5 }),
      ),
    ).toBe("claude[12345]  → weather[12346] CALL sampling/createMessage ok 5.00 ms\n");
  });

  test("ConsoleLineRenderer shows losses and what cannot be heard", () => {
    const view = renderer();
    const coverage = {
      kind: "coverage",
      reason: "io_uring reader",
      channel: undefined,
      process: process(),
      bytes: 70_000,
      count: 3,
      timeNs: TIME_NS,
    } as const;
    expect(untimed(view.render(loss()))).toContain("LOSS 4.1 kB lost: ring_full\n");
    const since = { reason: "unread", sinceNs: TIME_NS - 2_500_000_000 } as const;
    expect(untimed(view.render(loss({ reason: "unread" })))).toContain(
      "LOSS 4.1 kB were never read\n",
    );
    expect(untimed(view.render(loss(since)))).toContain("LOSS 4.1 kB lie unread, for 2.50 s\n");
    expect(untimed(view.render(loss({ reason: "unfinished_line" })))).toContain(
      "LOSS 4.1 kB of a message that its writer did not finish\n",
    );
    expect(untimed(view.render(coverage))).toContain(
      "DEAF cannot be heard: io_uring reader (3 times), 70.0 kB\n",
    );
    expect(untimed(view.render({ ...coverage, reason: "stdout_terminal", bytes: 0 }))).toContain(
      "DEAF no answer: standard output is a terminal (3 times)\n",
    );
  });

  test("ConsoleLineRenderer says whose place another process has taken in a session", () => {
    const exit = { timeNs: TIME_NS, code: 3, signal: undefined };
    const left = process({ pid: 77, exit });
    const line = renderer().render(sessionLine({ event: "update", left }));
    expect(line).toContain("took over from");
    expect(line).toContain("[77] (exit code 3)");
  });

  test.each([
    [{}, 'NOISE "MCP Server started"'],
    [{ lines: 4, bytes: 214 }, 'NOISE "MCP Server started" and 3 more lines, 214 bytes'],
    [{ text: "\u001b[2K50 %\r" }, 'NOISE "\\x1b[2K50 %\\r"'],
    [
      { text: 'x: {"jsonrpc"', holdsMessage: true },
      'NOISE a message and text on one line: "x: {"jsonrpc""',
    ],
  ])("ConsoleLineRenderer shows noise: %j", (over, shown) => {
    expect(untimed(renderer().render(noiseLine({ ...over, session: talk })))).toBe(
      `weather[12346] → claude[12345]  ${shown}\n`,
    );
  });

  test("ConsoleLineRenderer cuts the text of noise, not how much there was", () => {
    const line = noiseLine({
      text: "long ".repeat(40),
      lines: 1_000,
      bytes: 99_000,
      session: talk,
    });
    const shown = renderer({ columns: () => 110 }).render(line);
    expect(shown.replace(/\n +/, " ")).toContain('…" and 999 more lines, 99.0 kB\n');
    const widths = shown
      .trimEnd()
      .split("\n")
      .map((each) => Bun.stringWidth(each));
    expect(widths.length).toBe(2);
    expect(Math.max(...widths)).toBeLessThanOrEqual(110);
  });

  test("ConsoleLineRenderer masks secrets in noise, and shows no line of blanks alone", () => {
    const view = renderer({ redactor });
    expect(
      view.render(noiseLine({ text: "token=ghp_0123456789abcdefghijABCDEFGHIJ012345" })),
    ).not.toContain("ghp_0123");
    expect(view.render(noiseLine({ text: "", lines: 0 }))).toBe("");
  });

  test("ConsoleLineRenderer shows of noise only what holds a message when quiet", () => {
    const view = renderer({ quiet: true });
    const shown = [noiseLine(), noiseLine({ holdsMessage: true })].map((line) => view.render(line));
    expect(shown.map((text) => text !== "")).toEqual([false, true]);
  });

  test("ConsoleLineRenderer shows only what went wrong when quiet", () => {
    const view = renderer({ quiet: true });
    const failed = callAnswer({ type: "error", body: { code: 1, message: "x" } });
    expect(
      [callRequest(), callAnswer(), failed, sessionLine(), loss()].map(
        (item) => view.render(item) !== "",
      ),
    ).toEqual([false, false, true, false, true]);
  });

  test.each([72, 80, 120, 200])("ConsoleLineRenderer keeps a line within %d columns", (columns) => {
    const view = renderer({ columns: () => columns });
    const long = messageLine({
      target: "東京".repeat(40),
      message: message({ body: { arguments: { text: "é".repeat(5000) } } }),
    });
    const line = view.render(long);
    expect(line.endsWith("…\n")).toBe(true);
    expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
    expect(Bun.stringWidth(line)).toBeGreaterThan(columns - 3);
  });

  test.each([72, 80, 100])("ConsoleLineRenderer cuts no duration in %d columns", (columns) => {
    const view = renderer({ columns: () => columns });
    const target = "read_a_text_file_from_somewhere";
    const answer = { ...callAnswer(), durationMs: 1270, serverMs: 1269, target };
    const line = view.render(answer);
    expect(line).toMatch(/ RES {2}read_\S+ 1\.27 s/);
    expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
  });

  test("ConsoleLineRenderer prints no control character and one line, whatever the names", () => {
    const evil = "\u001b[2J\nERR forged\r\u202e\u0085\u2028\u009b31m";
    const line = renderer().render(
      messageLine({
        from: process({ comm: evil, commandLine: [] }),
        session: session({ server, serverInfo: { name: evil, version: evil } }),
        target: evil,
        message: message({ method: evil, body: { arguments: { [evil]: evil } } }),
      }),
    );
    expect(line.indexOf("\n")).toBe(line.length - 1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is tested
    expect(line.slice(0, -1)).not.toMatch(/[\0-\x1f\x7f-\x9f\u2028\u202e]/);
    expect(line).toContain("\\x1b[2J\\nERR forged\\r\\u202e\\x85\\u2028\\x9b31m");
  });

  test("ConsoleLineRenderer gives one printable line for any text", () => {
    const view = renderer({ columns: () => 120 });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.jsonValue(), (text, value) => {
        const line = view.render(
          messageLine({
            from: process({ comm: text, commandLine: [] }),
            target: text,
            message: message({ method: text, body: value }),
          }),
        );
        expect(line.slice(0, -1)).not.toMatch(
          /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u,
        );
      }),
    );
  });

  test("ConsoleLineRenderer masks secrets in previews and names with a redactor", () => {
    const params = '{"name":"login","arguments":{"user":"joe","password":"hunter2"}}';
    const line = renderer({ redactor }).render(
      messageLine({
        target: "password=hunter2",
        message: message({ paramsText: params, body: JSON.parse(params) }),
      }),
    );
    expect(line).not.toContain("hunter2");
    expect(line).toContain('{"user":"joe","password":"[redacted]"}');
  });

  test("ConsoleLineRenderer with a redactor shows the error of an answer that has a null result as well", () => {
    const failed = callAnswer({
      type: "error",
      resultText: "null",
      errorText: '{"code":1,"message":"token=abc went bad"}',
      body: { code: 1, message: "token=abc went bad" },
    });
    expect(renderer({ redactor }).render(failed)).toContain("1 token=[redacted] went bad");
  });

  test("ConsoleLineRenderer colours errors red, losses yellow and notifications dim", () => {
    const view = renderer({ colors: chooseColors("always", false, {}) });
    const note = messageLine({ message: message({ type: "notification", method: "x" }) });
    const failed = callAnswer({ type: "error", body: { message: "x" } });
    expect(view.render(failed)).toContain("\u001b[31m");
    expect(view.render(loss())).toContain("\u001b[33mLOSS");
    expect(view.render(note)).toContain("\u001b[2mNTF");
  });
});

describe("chooseColors", () => {
  test.each([
    ["auto", true, {}, true],
    ["auto", false, {}, false],
    ["auto", true, { NO_COLOR: "1" }, false],
    ["auto", true, { NO_COLOR: "" }, true],
    ["auto", true, { TERM: "dumb" }, false],
    ["always", false, { NO_COLOR: "1" }, true],
    ["never", true, {}, false],
  ] as const)(
    "chooseColors with %s, terminal %p, %o: %p",
    (choice, isTerminal, environment, on) => {
      expect(chooseColors(choice, isTerminal, environment).isColorSupported).toBe(on);
    },
  );
});
