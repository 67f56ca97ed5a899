import { describe, expect, test } from "bun:test";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import { RecordedClock } from "../../../src/replay/recorded-time.ts";
import { ReplayRun } from "../../../src/replay/replay-run.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import { UNFIT_LINES } from "../message/unfit-lines.ts";
import { CALL, Conversation, greet, RESULT, RUNS, record } from "./stdio-runs.ts";

function replayLines(lines: readonly string[], raw = true): { lines: string[]; run: ReplayRun } {
  const clock = new RecordedClock();
  const run = new ReplayRun(clock, false);
  const renderer = new NdjsonRenderer({ clock, raw, redactor: undefined });
  const out: string[] = [];
  const render = (items: readonly ExchangeItem[]) => {
    for (const item of items) out.push(renderer.item(item));
  };
  for (const line of lines) {
    run.push(JSON.parse(line));
    render(run.take());
  }
  run.end();
  render(run.take());
  return { lines: out, run };
}

describe("ReplayRun", () => {
  test.each(Object.entries(RUNS))(
    "ReplayRun gives the lines of the live run again: %s",
    (_, make) => {
      const { items } = make();
      const live = record(items);
      expect(live.length).toBeGreaterThan(3);
      expect(replayLines(live).lines).toEqual(live);
    },
  );

  test("ReplayRun adds up what was said beside messages", () => {
    const conversation = greet(new Conversation(940).print("MCP Server started")).print("ready");
    const { run } = replayLines(record(conversation.exitServer(0).items));
    const { noise, noiseBytes } = run.summary("end_of_input");
    expect([noiseBytes, noise]).toEqual([
      25,
      [
        {
          server: expect.any(String),
          direction: "server-to-client",
          lines: 2,
          bytes: 25,
          text: "MCP Server started",
          holdsMessage: false,
        },
      ],
    ]);
  });

  test("ReplayRun adds what left by standard error, which no line about noise tells of", () => {
    const live = record(greet(new Conversation(942).print("ready")).exitServer(0).items);
    const stray = { reason: "stderr", count: 2, bytes: 81 };
    const line = { kind: "coverage", timestamp: JSON.parse(live[0] ?? "").timestamp, ...stray };
    const { run } = replayLines([...live, JSON.stringify(line)]);
    const { noiseBytes, coverage } = run.summary("end_of_input");
    expect([noiseBytes, coverage]).toEqual([87, { stderr: 2 }]);
  });

  test("ReplayRun counts a line about noise that names no session as one that makes no sense", () => {
    const live = record(greet(new Conversation(945).print("ready")).exitServer(0).items);
    const { run } = replayLines(
      live.map((line) => (line.includes('"noise"') ? line.replace('"session"', '"sesion"') : line)),
    );
    expect(run.counts.malformed).toBe(1);
  });

  test("ReplayRun knows of a session that began after the tool and before the first line", () => {
    const log = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}';
    const conversation = greet(new Conversation(950).answer(log)).hangUp();
    const live = record(conversation.items, true, conversation.client.startNs);
    expect(live[0]).toContain('"late_attach":false');
    expect(replayLines(live).lines).toEqual(live);
  });

  test("ReplayRun keeps sessions with the same content apart", () => {
    const items = [910, 920, 930].flatMap(
      (pid) => greet(new Conversation(pid)).ask(CALL).answer(RESULT).exitServer(0).items,
    );
    const live = record(items);
    const { lines, run } = replayLines(live);
    expect(lines).toEqual(live);
    expect(run.summary("end_of_input")).toMatchObject({
      replay: true,
      sessions: 3,
      messages: 15,
      callsFinished: 6,
      openCalls: [],
      endedBy: "end_of_input",
    });
  });

  test("ReplayRun puts text together where raw is missing, and counts it", () => {
    const plain = '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"log"}}';
    const answer = '{"jsonrpc":"2.0","id":"a","result":{"content":[]}}';
    const live = record(greet(new Conversation(40)).ask(plain).answer(answer).items, false);
    const { lines, run } = replayLines(live, false);
    expect(lines).toEqual(live);
    expect(run.counts).toEqual({ messages: 5, rebuilt: 5, malformed: 0, unknown: 0 });
  });

  test.each(Object.entries(UNFIT_LINES).filter(([, { flags }]) => flags.length > 0))(
    "ReplayRun makes the same message of members that were given out as text: %s",
    (_, { text }) => {
      const [, id = "7"] = /"id":(.*?),"method"/s.exec(text) ?? [];
      const conversation = greet(new Conversation(80));
      if (text.includes('"method"')) conversation.ask(text);
      else conversation.ask('{"jsonrpc":"2.0","id":7,"method":"tools/list"}').answer(text);
      conversation.answer(`{"jsonrpc":"2.0","id":${id},"result":{}}`).exitServer(0);
      const live = record(conversation.items, false);
      expect(replayLines(live, false).lines).toEqual(live);
    },
  );

  test("ReplayRun takes no text for a member that is no JSON", () => {
    const [line = ""] = record(greet(new Conversation(90)).ask(CALL).items, false).slice(-1);
    const forged = JSON.stringify({ ...JSON.parse(line), params_text: '{}}\n{"jsonrpc"' });
    expect(replayLines([forged], false).lines.at(-1)).toContain('"params":{"name":"log"');
  });

  test.each([true, false])("ReplayRun tells of what was no JSON as before, with raw %p", (raw) => {
    const answer = '{"jsonrpc":"2.0","id":"a","result":{"mean":NaN}}';
    const plain = '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"log"}}';
    const live = record(greet(new Conversation(45)).ask(plain).answer(answer).items, raw);
    expect(live.some((line) => line.includes('"json_error":"NaN at 43"'))).toBe(true);
    expect(replayLines(live, raw).lines).toEqual(live);
  });

  test("ReplayRun treats what follows a summary as another run", () => {
    const live = record(greet(new Conversation(50)).ask(CALL).items);
    const summary = '{"kind":"summary","timestamp":"2026-12-01T00:00:00.000000Z"}';
    const { lines, run } = replayLines([...live, summary, ...live, summary]);
    expect(lines).toEqual([...live, ...live]);
    expect(run.summary("end_of_input").openCalls).toHaveLength(2);
  });

  test("ReplayRun passes coverage on, with its channel and process", () => {
    const line =
      '{"kind":"coverage","timestamp":"2026-11-20T12:34:56.789012Z","reason":"io_uring","count":3,"bytes":9,"stdio_transport":{"from_pid":5,"from_comm":"a","to_pid":null,"to_comm":null,"channel":"fifo:3"},"process":{"pid":5,"start_time":"2026-11-20T12:00:00.000000Z","comm":"a","command_line":["a","-b"],"container_id":"abc"}}';
    const { lines, run } = replayLines([line]);
    expect(lines).toEqual([line]);
    expect(run.summary("end_of_input").coverage).toEqual({ io_uring: 3 });
  });

  test("ReplayRun says again, and when it was said, that a call waits", () => {
    const conversation = greet(new Conversation(70)).ask(CALL);
    for (let waited = 0; waited < 12_000; waited += 700) conversation.wait(700);
    const live = record(conversation.answer(RESULT).hangUp().items);
    const [waiting, ...others] = live.filter((line) => line.startsWith('{"kind":"waiting"'));
    expect(waiting).toContain('"waited_ms":11200');
    expect(others).toEqual([]);
    expect(replayLines(live).lines).toEqual(live);
  });

  test("ReplayRun keeps since when bytes lay unread", () => {
    const line =
      '{"kind":"loss","timestamp":"2026-11-20T12:34:56.789012Z","transport_type":"stdio","stdio_transport":{"from_pid":5,"from_comm":"a","to_pid":6,"to_comm":"b","channel":"pipe:3"},"reason":"unread","bytes":9,"since":"2026-11-20T12:34:50.000001Z"}';
    expect(replayLines([line]).lines).toEqual([line]);
  });

  test("ReplayRun reads messages whose session lines were not recorded", () => {
    const live = record(greet(new Conversation(60)).ask(CALL).answer(RESULT).items);
    const messages = live.filter((line) => line.startsWith('{"kind":"message"'));
    const { lines } = replayLines(messages);
    expect(lines.filter((line) => line.startsWith('{"kind":"message"'))).toEqual(messages);
  });

  test.each([
    ['{"kind":"message"}', { malformed: 1, unknown: 0 }],
    ['{"kind":"message","timestamp":"2026-11-20T12:34:56.789012Z"}', { malformed: 1, unknown: 0 }],
    [
      '{"kind":"loss","timestamp":"2026-11-20T12:34:56.789012Z","bytes":-1,"reason":"ring_full"}',
      { malformed: 1, unknown: 0 },
    ],
    [
      '{"kind":"loss","timestamp":"2026-11-20T12:34:56.789012Z","bytes":1,"reason":"toString"}',
      { malformed: 1, unknown: 0 },
    ],
    [
      '{"kind":"session","timestamp":"2026-11-20T12:34:56.789012Z","session":7}',
      { malformed: 1, unknown: 0 },
    ],
    ['{"kind":"finding","timestamp":"2026-11-20T12:34:56.789012Z"}', { malformed: 0, unknown: 1 }],
    ['{"timestamp":"2026-13-40T99:99:99.789012Z","kind":"loss"}', { malformed: 1, unknown: 0 }],
    ['{"__proto__":{"kind":"summary"},"constructor":1}', { malformed: 1, unknown: 0 }],
  ])("ReplayRun counts a line that makes no sense: %s", (line, expected) => {
    const { run, lines } = replayLines([line]);
    expect(lines).toEqual([]);
    expect(run.counts).toMatchObject(expected);
    expect(run.readable).toBe(0);
  });
});
