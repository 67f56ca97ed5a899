import { describe, expect, test } from "bun:test";
import type { Summary } from "../../../src/exchange/types.ts";
import { chooseColors } from "../../../src/sinks/color.ts";
import { Console } from "../../../src/sinks/console.ts";
import { renderConsoleSummary } from "../../../src/sinks/console-summary.ts";
import { ReaderGone } from "../../../src/sinks/errors.ts";
import { callRequest, clock, NO_LOSS, session, summary, TIME_NS } from "./items.ts";
import { Pipe } from "./pipe.ts";

const colors = chooseColors("never", false, {});

const NONE_OPEN = { cancelled: 0, unanswered: 0, open: 0 };

function block(over: Partial<Summary> = {}, quiet = false, columns?: number): string {
  return renderConsoleSummary(summary(over), { colors, mask: (text) => text, quiet, columns });
}

describe("renderConsoleSummary", () => {
  test("renderConsoleSummary shows counts, calls, open calls, every loss reason and coverage", () => {
    const text = block({
      calls: [
        {
          server: "weather",
          transport: "stdio",
          method: "tools/call",
          target: "get_weather",
          calls: 1234,
          errors: 1,
          cancelled: 0,
          unanswered: 3,
          open: 1,
          p50Ms: 12.34,
          p95Ms: 1500,
        },
        {
          server: "東京",
          transport: "stdio",
          method: "tools/list",
          target: undefined,
          calls: 2,
          errors: 0,
          cancelled: 2,
          unanswered: 0,
          open: 0,
          p50Ms: undefined,
          p95Ms: undefined,
        },
      ],
      toolErrors: 1,
      callsUnanswered: 5,
      callsCancelled: 2,
      unansweredCalls: [
        {
          session: session({ endReason: "server exited with code 1" }),
          method: "tools/call",
          target: "dead",
          idText: "8",
          sinceNs: TIME_NS - 13_300_000_000,
          endNs: TIME_NS - 1_000_000_000,
        },
        {
          session: session(),
          method: "tools/call",
          target: "dead",
          idText: undefined,
          sinceNs: TIME_NS - 2_000_000_000,
          endNs: TIME_NS - 1_000_000_000,
        },
      ],
      openCalls: [
        {
          session: session(),
          method: "tools/call",
          target: "slow",
          idText: "9",
          sinceNs: TIME_NS - 3_000_000_000,
        },
      ],
    });
    expect(text).toBe(`
Listened for 1 min 37 s by fexit on kernel 6.12.1 (signal)

messages  1,234, 345.7 kB
          512 requests, 509 responses, 3 errors (1 of tools), 210 notifications
sessions  3
calls     512 finished, 1 of them failed; 3 without an answer, 2 cancelled, 1 open

SERVER   METHOD      TARGET       CALLS  ERRORS  NO ANSWER      P50     P95
weather  tools/call  get_weather  1,235       1          4  12.3 ms  1.50 s
東京     tools/list                   2       0          0

no answer tools/call dead (id 8) at weather.py[12346], for 12.30 s, until server exited with code 1
          tools/call dead at weather.py[12346], for 1.00 s
          and 1 more
open      tools/call slow (id 9) at weather.py[12346], waiting 3.00 s
loss      0 bytes
          ring_full 0, fault 0, call_too_large 0
          cut_by_gap 0, line_too_long 0, started_before_attach 0
          unfinished_line 0, unseen_read 0, unread 0
          memory_limit 0
exact     yes: heard and lost bytes add up to what was read
coverage  nothing seen that cannot be heard
`);
  });

  test.each([80, 100])("renderConsoleSummary fits its table into %d columns", (columns) => {
    const call = {
      method: "tools/call",
      calls: 123_456,
      errors: 0,
      ...NONE_OPEN,
      p50Ms: 1234.5,
      p95Ms: 61_000,
    };
    const server = "@modelcontextprotocol/server-filesystem";
    const target = "read_a_text_file_from_somewhere";
    const calls = [{ ...call, server, transport: "stdio" as const, target }];
    const [head = "", line = ""] = block({ calls }, false, columns)
      .split("\n")
      .filter((each) => each.startsWith("SERVER") || each.startsWith("server-f"));
    expect(Math.max(head.length, line.length)).toBeLessThanOrEqual(columns);
    expect(line).toContain("  123,456       0  1.23 s  1 min 1 s");
    expect(line).toMatch(/^server-f.* {2}tools.* {2}read_.*…/);
  });

  test("renderConsoleSummary names transports, and what HTTP carried besides, once HTTP was heard", () => {
    const call = {
      server: "git",
      method: "ping",
      target: "x",
      errors: 0,
      ...NONE_OPEN,
      p50Ms: 1,
      p95Ms: 2,
    };
    const calls = [
      { ...call, transport: "http" as const, calls: 2 },
      { ...call, transport: "stdio" as const, calls: 1 },
    ];
    const text = block({ calls, httpBytes: 12_345, skippedBytes: 7_000_000, httpExchanges: 1 });
    expect(text).toContain(
      "SERVER  METHOD  TARGET  TRANSPORT  CALLS  ERRORS      P50      P95\n" +
        "git     ping    x       http           2       0  1.00 ms  2.00 ms\n" +
        "git     ping    x       stdio          1       0  1.00 ms  2.00 ms\n",
    );
    expect(text).toContain(
      "\nhttp      1 exchange without a message; 12.3 kB of heads and other bodies, 7.0 MB of other HTTP left out\n",
    );
  });

  test("renderConsoleSummary says at which address a call waits that another host is to answer", () => {
    const open = { method: "ping", target: undefined, idText: "1", sinceNs: TIME_NS - 1e9 };
    const host = { address: "10.0.0.5" };
    const named = session({ server: host, serverInfo: { name: "git", version: undefined } });
    const parties = [session({ server: host }), named, session({ server: undefined })];
    const text = block({ openCalls: parties.map((each) => ({ ...open, session: each })) });
    expect([...text.matchAll(/ at (.*), waiting/g)].map(([, where]) => where)).toEqual([
      "10.0.0.5",
      "git at 10.0.0.5",
      "unknown",
    ]);
  });

  test("renderConsoleSummary says that it is not exact, by how much, and what could not be heard", () => {
    const text = block({
      loss: { ...NO_LOSS, ring_full: 12_345 },
      lossBytes: 12_345,
      coverage: { "datagram socket": 2 },
      capture: {
        frontEnd: "tracepoint",
        kernel: "5.10.0",
        exact: false,
        skippedRuns: 1,
        missedBytes: 70,
        notesLost: 1,
        processEventsLost: 2_000,
        channelsSeen: 1,
        unattributedBytes: 99,
      },
    });
    expect(text).toContain("loss      12.3 kB\n          ring_full 12,345, fault 0,");
    expect(text).toContain("          unattributed 99\n");
    expect(text).toContain("          senders of 1 write unknown, 2,000 process events lost\n");
    expect(text).toContain("exact     no: up to 1 skipped program run, at least 70 bytes missed\n");
    expect(text).toContain("coverage  datagram socket: 2\n");
  });

  test("renderConsoleSummary with filters says how much was shown, how much heard, and lists what was shown", () => {
    const never = { errors: 0, cancelled: 0, unanswered: 0, open: 0 };
    const row = { transport: "stdio" as const, method: "tools/call", ...never };
    const shown = { ...row, server: "weather", target: "get", calls: 6, p50Ms: 1, p95Ms: 2 };
    const open = { session: session(), method: "ping", target: undefined, sinceNs: TIME_NS };
    const text = block({
      calls: [{ ...shown, server: "files", calls: 500 }, shown],
      openCalls: [
        { ...open, idText: "1" },
        { ...open, idText: "2" },
      ],
      shown: {
        messages: 12,
        messageBytes: 3_456,
        calls: [shown],
        callsFinished: 6,
        callsUnanswered: 0,
        openCalls: [{ ...open, idText: "2" }],
        connections: undefined,
      },
    });
    expect(text).toContain(`
messages  1,234 heard, 345.7 kB
          512 requests, 510 responses, 2 errors, 210 notifications
sessions  3
calls     512 finished, 0 of them failed; 3 without an answer, 2 open
shown     12 messages of these, 3.5 kB; 6 calls finished, 0 without an answer, 1 open

SERVER   METHOD      TARGET  CALLS  ERRORS      P50      P95
weather  tools/call  get         6       0  1.00 ms  2.00 ms

open      ping (id 2) at weather.py[12346], waiting 0.00 ms
loss `);
  });

  test.each([40, 80])(
    "renderConsoleSummary cuts nothing of what went wrong in %d columns: it goes on below",
    (columns) => {
      const reason = "server's stdout is a terminal, and what it writes there cannot be heard";
      const colored = chooseColors("always", false, {});
      const painted = renderConsoleSummary(
        summary({ coverage: { [reason]: 3 }, skippedBytes: 1 }),
        {
          colors: colored,
          mask: (text) => text,
          quiet: false,
          columns,
        },
      );
      const lines = Bun.stripANSI(painted).split("\n");
      expect(Math.max(...lines.slice(3).map((line) => line.length))).toBeLessThanOrEqual(columns);
      expect(lines.join("\n").replace(/\n +/g, " ")).toContain(`coverage  ${reason}: 3\n`);
      const on = painted.split("\n").filter((line) => line.startsWith("          "));
      expect(on.at(-1)?.trimStart()).toStartWith("\u001b[33m");
      expect(on.at(-1)).toEndWith("\u001b[39m");
    },
  );

  test("renderConsoleSummary names who says something beside its messages, and calls whose answer may have gone unheard", () => {
    const row = { direction: "server-to-client", text: "started", holdsMessage: false } as const;
    const text = block({
      noiseBytes: 100,
      noise: [
        { ...row, server: "weather", lines: 4, bytes: 80 },
        { ...row, server: "git", lines: 1, bytes: 20, text: 'x {"jsonrpc"', holdsMessage: true },
        { ...row, server: "mail", lines: 1, bytes: 9, direction: "client-to-server" },
      ],
      callsUnheard: 2,
      coverage: { set_aside: 1 },
      capture: {
        frontEnd: "fexit",
        kernel: "6.12",
        exact: false,
        skippedRuns: 0,
        missedBytes: 0,
        notesLost: 0,
        processEventsLost: 0,
        channelsSeen: 4,
        unattributedBytes: 0,
      },
    });
    expect(text).toContain(`
noise     80 bytes by weather, no message: "started" and 3 more lines
          20 bytes by git, a message and text on one line: "x {"jsonrpc""
          9 bytes by the client of mail, no message: "started"
`);
    expect(text).toContain("without an answer, 2 whose answer may have gone unheard, ");
    expect(text).toContain(
      "exact     no: up to 0 skipped program runs, at least 0 bytes missed, 1 channel not heard for a while\n",
    );
  });

  test("renderConsoleSummary says that it is a replay", () => {
    const text = block({ replay: true, capture: undefined, endedBy: "end_of_input" });
    expect(text).toStartWith("\nReplay of recorded lines, 1 min 37 s long (end_of_input)\n");
    // of what was heard only the recording's own summary knows
    expect(text).toContain("\nexact     not known in a replay");
  });

  test("renderConsoleSummary tells what the peers left from what was lost", () => {
    const loss = { ...NO_LOSS, unfinished_line: 500, unread: 12, fault: 1 };
    expect(block({ loss, lossBytes: 1, peerLossBytes: 512 })).toContain(
      "\nloss      1 byte; peers left 512 bytes unread or unfinished\n",
    );
  });

  test("renderConsoleSummary breaks its losses between reasons where the terminal is narrow", () => {
    const loss = { ...NO_LOSS, cut_by_gap: 40_573_148, line_too_long: 120_000_007 };
    const lines = block({ loss, lossBytes: 160_573_155 }, false, 80).split("\n");
    const reasons = lines.slice(lines.findIndex((line) => line.startsWith("loss")) + 1);
    const text = reasons.slice(0, 5).join("\n");
    expect(text).toContain("cut_by_gap 40,573,148, line_too_long 120,000,007\n");
    expect(Math.max(...reasons.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("renderConsoleSummary says nothing when quiet and nothing is wrong", () => {
    expect(block({}, true)).toBe("");
    expect(block({ lossBytes: 1, loss: { ...NO_LOSS, fault: 1 } }, true)).toStartWith(
      "\nloss      1 byte\n",
    );
  });

  test("renderConsoleSummary lets no name forge a line", () => {
    const name = "x\n\u001b[31mloss      0 bytes";
    const text = block({
      calls: [
        {
          server: name,
          transport: "http",
          method: name,
          target: name,
          calls: 1,
          errors: 0,
          ...NONE_OPEN,
          p50Ms: 1,
          p95Ms: 1,
        },
      ],
      openCalls: [
        { session: session(), method: name, target: name, idText: `"${name}"`, sinceNs: TIME_NS },
      ],
      coverage: { [name]: 1 },
    });
    expect(text).not.toContain("\u001b");
    expect(text.split("\n").filter((line) => line.startsWith("loss "))).toHaveLength(1);
  });
});

describe("Console", () => {
  const open = (pipe: Pipe, maxWaitingBytes?: number) =>
    new Console({
      fd: pipe.writeFd,
      name: "the pipe",
      clock,
      colors,
      redactor: undefined,
      columns: () => 200,
      quiet: false,
      maxWaitingBytes,
    });

  test("Console waits for no terminal, passes over what finds no room, and says how much", async () => {
    using pipe = new Pipe();
    const sink = open(pipe, 200_000);
    const batch = new Array(100).fill(callRequest());
    for (let index = 0; index < 100; index++) expect(sink.write(batch)).toBeUndefined();
    let text = "";
    const read = async () => {
      for (let part = "-"; part !== "" || !text.includes("REQ"); text += part) {
        part = (await pipe.read(65_536)).toString();
        await Bun.sleep(2);
      }
    };
    await read();
    const before = text.split("\n").length - 1;
    expect(sink.write(batch.slice(0, 1))).toBeUndefined();
    await sink.close(summary());
    await read();
    const lines = text.split("\n").slice(before);
    expect(lines[0]).toBe(
      `… ${(10_000 - before).toLocaleString("en-US")} lines not shown: the terminal took none for too long`,
    );
    expect(lines[1]).toContain(" REQ  tools/call ");
    expect(before).toBeGreaterThan(1000);
  });

  test("Console rejects with ReaderGone when nobody waits for it, either", async () => {
    using pipe = new Pipe();
    const sink = open(pipe, 200_000);
    pipe.closeReader();
    await sink.write([callRequest()]);
    await expect(Promise.resolve(sink.write([callRequest()]))).rejects.toBeInstanceOf(ReaderGone);
  });

  test("Console writes a line per item and the summary at the end", async () => {
    using pipe = new Pipe();
    const sink = open(pipe);
    await sink.write([callRequest(), callRequest()]);
    await sink.close(summary());
    const text = (await pipe.read(65_536)).toString();
    expect(
      text
        .split("\n")
        .slice(0, 2)
        .every((line) => line.includes(" REQ  tools/call ")),
    ).toBe(true);
    expect(text).toContain("\n\nListened for 1 min 37 s by fexit");
  });

  test("Console rejects with ReaderGone when nobody reads any more", async () => {
    using pipe = new Pipe();
    const sink = open(pipe);
    pipe.closeReader();
    expect(sink.readerGone()).toBe(true);
    await sink.write([callRequest()]);
    await expect(sink.flush()).rejects.toBeInstanceOf(ReaderGone);
  });
});
