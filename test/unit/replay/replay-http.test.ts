import { describe, expect, test } from "bun:test";
import { RecordedClock } from "../../../src/replay/recorded-time.ts";
import { ReplayRun } from "../../../src/replay/replay-run.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import { assertNdjson } from "../sinks/validate.ts";
import { RUNS } from "./http-runs.ts";

function replay(lines: readonly string[]): { lines: string[]; run: ReplayRun } {
  const clock = new RecordedClock();
  const run = new ReplayRun(clock, false);
  const renderer = new NdjsonRenderer({ clock, raw: true, redactor: undefined });
  const out: string[] = [];
  const keep = () => out.push(...run.take().map((item) => renderer.item(item)));
  for (const line of lines) {
    run.push(JSON.parse(line));
    keep();
  }
  run.end();
  keep();
  return { lines: out, run };
}

describe("ReplayRun over HTTP", () => {
  test.each(Object.entries(RUNS))(
    "ReplayRun gives the lines of the live run again: %s",
    (_, record) => {
      const live = record();
      assertNdjson(live);
      expect(live.filter((line) => line.includes('"kind":"message"')).length).toBeGreaterThan(1);
      const { lines, run } = replay(live);
      expect(lines).toEqual([...live]);
      expect(run.counts).toMatchObject({ malformed: 0, unknown: 0 });
    },
  );

  test.each([
    ["messages", (line: string) => line.startsWith('{"kind":"message"')],
    ["answers", (line: string) => /^\{"kind":"message".*"is_request":false/.test(line)],
    ["exchanges without a message", (line: string) => line.startsWith('{"kind":"http"')],
  ])("ReplayRun reads a recording of %s only", (_, isKept) => {
    const recorded = Object.values(RUNS).map((record) => record().filter(isKept));
    expect(recorded.flat().length).toBeGreaterThan(4);
    for (const lines of recorded) {
      const isMessage = (line: string) => line.startsWith('{"kind":"message"');
      const shapes = (of: readonly string[]) =>
        of
          .filter((line) => isKept(line))
          .map((line) => /"http_transport":\{[^}]*\}/.exec(line)?.[0]);
      const { lines: again, run } = replay(lines);
      assertNdjson(again);
      expect(shapes(again)).toEqual(shapes(lines));
      expect(run.counts).toMatchObject({ messages: lines.filter(isMessage).length, malformed: 0 });
    }
  });

  test("ReplayRun counts in its summary what was heard over HTTP", () => {
    const lines = RUNS["errors: refused, not found, cut, without an answer"]?.() ?? [];
    const summary = replay(lines).run.summary("end_of_input");
    expect(summary).toMatchObject({ sessions: 2, httpExchanges: 4, httpBytes: 0, skippedBytes: 0 });
    expect(summary.calls.map(({ transport }) => transport)).toContain("http");
  });

  test.each([
    ['{"from_pid":1,"to_pid":2,"channel":"tcp:1"}', "complete"],
    ['{"exchange":-1,"channel":"tcp:1"}', "complete"],
    ['{"exchange":1,"channel":"tcp:1"}', "done"],
    ["7", "complete"],
  ])("ReplayRun counts a line that makes no sense: %s, %s", (transport, outcome) => {
    const head = '"timestamp":"2026-11-20T12:34:56.789012Z","transport_type":"http"';
    const line = `{"kind":"http",${head},"http_transport":${transport},"outcome":"${outcome}"}`;
    const { lines, run } = replay([line]);
    expect({ lines, malformed: run.counts.malformed }).toEqual({ lines: [], malformed: 1 });
  });

  test("ReplayRun counts a message over HTTP that names no exchange or no reader", () => {
    const head = '"timestamp":"2026-11-20T12:34:56.789012Z","transport_type":"http"';
    const tail = '"session":"http:1","direction":"client-to-server","id":1,"method":"ping"';
    const lines = ['{"to_pid":2}', '{"exchange":1}'].map(
      (transport) => `{"kind":"message",${head},"http_transport":${transport},${tail}}`,
    );
    expect(replay(lines).run.counts).toMatchObject({ messages: 0, malformed: 2 });
  });

  test("ReplayRun takes addresses with and without a port, of both families", () => {
    const head = '"timestamp":"2026-11-20T12:34:56.789012Z","transport_type":"http"';
    const lines = ["10.0.0.5:1", "10.0.0.5", "[2001:db8::1]:65535", "2001:db8::1", "::1"].map(
      (address, index) =>
        `{"kind":"loss",${head},"http_transport":{"from_address":"${address}","channel":"tcp:${index}"},"reason":"ring_full","bytes":1}`,
    );
    expect(replay(lines).lines).toEqual(lines);
  });
});
