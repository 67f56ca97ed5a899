import { describe, expect, test } from "bun:test";
import type { CallLine } from "../../../src/exchange/types.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import {
  callAnswer,
  callRequest,
  channel,
  clock,
  loss,
  NO_LOSS,
  process,
  session,
  sessionLine,
  summary,
  TIME_NS,
} from "./items.ts";
import { assertNdjson } from "./validate.ts";

/** Its session ended first. */
const DEAD = {
  session: session(),
  method: "tools/call",
  target: "dead",
  idText: "8",
  sinceNs: TIME_NS - 2_500_000_000,
  endNs: TIME_NS,
};

const plain = () => new NdjsonRenderer({ clock, raw: false, redactor: undefined });
describe("NdjsonRenderer on the other kinds", () => {
  test("NdjsonRenderer writes the start of a session with both processes", () => {
    const line = plain().item(
      sessionLine({
        session: session({
          client: process({ containerId: "ab12" }),
          clientInfo: { name: "claude", version: "1.0" },
          serverInfo: { name: "weather", version: undefined },
          protocolVersion: "2025-11-25",
          era: "legacy",
          clientCapabilities: '{"roots":{}}',
          serverCapabilities: '{"tools":{"listChanged":true}}',
        }),
      }),
    );
    const [parsed] = assertNdjson([line]);
    expect(parsed).toEqual({
      kind: "session",
      timestamp: "2026-11-20T12:34:56.789012Z",
      event: "start",
      transport_type: "stdio",
      session: "s1",
      start: "2026-11-20T12:33:20.000000Z",
      client: {
        pid: 12345,
        start_time: "2026-11-20T12:00:01.000000Z",
        comm: "python",
        command_line: ["python", "client.py"],
        container_id: "ab12",
      },
      server: {
        pid: 12346,
        start_time: "2026-11-20T12:00:01.000000Z",
        comm: "python",
        command_line: ["python", "weather.py"],
      },
      client_info: { name: "claude", version: "1.0" },
      server_info: { name: "weather" },
      protocol_version: "2025-11-25",
      era: "legacy",
      client_capabilities: { roots: {} },
      server_capabilities: { tools: { listChanged: true } },
      late_attach: false,
      messages: 0,
      open_calls: 0,
    });
  });

  test("NdjsonRenderer says why a session ended only on its end, though the session is live", () => {
    const ended = session({
      endNs: 2_001_500_000_000,
      endReason: "server exited with code 0",
      server: process({ pid: 5, exit: { timeNs: 1, code: 0, signal: undefined } }),
    });
    const [start, end] = assertNdjson([
      plain().item(sessionLine({ session: ended })),
      plain().item(sessionLine({ session: ended, event: "end", messages: 12, openCalls: 1 })),
    ]);
    expect(start).not.toHaveProperty("reason");
    expect(end).toMatchObject({
      reason: "server exited with code 0",
      duration_ms: 1500,
      messages: 12,
      open_calls: 1,
      server: { exit: { code: 0, signal: null } },
    });
    expect(end).not.toHaveProperty("unanswered");
  });

  test("NdjsonRenderer names the calls that a session leaves without an answer", () => {
    const unanswered = [DEAD, { ...DEAD, target: undefined, idText: undefined }];
    const [end] = assertNdjson([plain().item(sessionLine({ event: "end", unanswered }))]);
    const [since, waited_ms] = ["2026-11-20T12:34:54.289012Z", 2500];
    expect(end?.["unanswered"]).toEqual([
      { id: 8, method: "tools/call", target: "dead", since, waited_ms },
      { method: "tools/call", since, waited_ms },
    ]);
  });

  test("NdjsonRenderer writes null for a party that no event has named", () => {
    const line = plain().item(sessionLine({ session: session({ client: undefined }) }));
    expect(assertNdjson([line])[0]).toMatchObject({ client: null, server: { pid: 12346 } });
  });

  test("NdjsonRenderer writes a finished call with both halves", () => {
    const line: CallLine = {
      kind: "call",
      session: session(),
      direction: "client-to-server",
      request: callRequest().message,
      response: callAnswer().message,
      method: "tools/call",
      target: "get_weather",
      outcome: "ok",
      chain: undefined,
      progressCount: 2,
      logCount: 0,
      timeNs: TIME_NS + 23_400_000,
      durationMs: 23.4,
      serverMs: undefined,
    };
    expect(assertNdjson([plain().item(line)])[0]).toMatchObject({
      kind: "call",
      start: "2026-11-20T12:34:56.789012Z",
      timestamp: "2026-11-20T12:34:56.812412Z",
      outcome: "ok",
      id: 7,
      params: { name: "get_weather", arguments: { city: "Oslo" } },
      result: { content: [{ type: "text", text: "4 °C" }] },
      duration_ms: 23.4,
      progress_count: 2,
      stdio_transport: { from_pid: 12345, to_pid: 12346, channel: "pipe:4711" },
    });
  });

  test("NdjsonRenderer marks a call that was answered by its id alone, which others have", () => {
    const call: CallLine = {
      kind: "call",
      session: session(),
      direction: "client-to-server",
      request: callRequest().message,
      response: callAnswer().message,
      method: "tools/call",
      target: "get_weather",
      outcome: "ok",
      chain: undefined,
      progressCount: 0,
      logCount: 0,
      timeNs: TIME_NS,
      durationMs: undefined,
      serverMs: undefined,
      isAmbiguous: true,
    };
    const [line] = assertNdjson([plain().item(call)]);
    expect(line).toMatchObject({ ambiguous: true });
    expect(line).not.toHaveProperty("duration_ms");
  });

  test("NdjsonRenderer writes a call that waits", () => {
    const line = plain().item({
      kind: "waiting",
      session: session(),
      direction: "client-to-server",
      request: callRequest().message,
      method: "tools/call",
      target: "get_weather",
      progressCount: 3,
      sinceNs: TIME_NS - 10_200_000_000,
      timeNs: TIME_NS,
    });
    expect(assertNdjson([line])[0]).toEqual({
      kind: "waiting",
      timestamp: "2026-11-20T12:34:56.789012Z",
      transport_type: "stdio",
      stdio_transport: {
        from_pid: 12345,
        from_comm: "python",
        to_pid: 12346,
        to_comm: "python",
        channel: "pipe:4711",
      },
      session: "s1",
      direction: "client-to-server",
      start: "2026-11-20T12:34:46.589012Z",
      id: 7,
      method: "tools/call",
      target: "get_weather",
      waited_ms: 10_200,
      progress_count: 3,
    });
  });

  test("NdjsonRenderer says since when bytes lie unread", () => {
    const sinceNs = TIME_NS - 2_500_000_000;
    const [line] = assertNdjson([plain().item(loss({ reason: "unread", sinceNs }))]);
    expect(line).toMatchObject({ reason: "unread", since: "2026-11-20T12:34:54.289012Z" });
  });

  test("NdjsonRenderer names the channel of a loss where it is known", () => {
    const [known, unknown] = assertNdjson([
      plain().item(loss({ channel: channel({ writer: undefined }) })),
      plain().item(loss({ channel: undefined, reason: "memory_limit", bytes: 1 })),
    ]);
    expect(known).toEqual({
      kind: "loss",
      timestamp: "2026-11-20T12:34:56.789012Z",
      transport_type: "stdio",
      stdio_transport: {
        from_pid: null,
        from_comm: null,
        to_pid: 12346,
        to_comm: "python",
        channel: "pipe:4711",
      },
      reason: "ring_full",
      bytes: 4096,
    });
    expect(unknown).toEqual({
      kind: "loss",
      timestamp: "2026-11-20T12:34:56.789012Z",
      reason: "memory_limit",
      bytes: 1,
    });
  });

  test("NdjsonRenderer writes what cannot be heard", () => {
    const base = { kind: "coverage", bytes: 0, timeNs: TIME_NS } as const;
    const lines = assertNdjson([
      plain().item({ ...base, reason: "datagram socket", channel: channel(), process: undefined }),
      plain().item({
        ...base,
        reason: "io_uring",
        channel: undefined,
        process: process(),
        count: 3,
      }),
    ]);
    expect(lines[0]).toMatchObject({ reason: "datagram socket", count: 1, stdio_transport: {} });
    expect(lines[1]).toMatchObject({ reason: "io_uring", count: 3, process: { pid: 12345 } });
  });

  test("NdjsonRenderer writes a live summary with every loss reason and what only the capture knows", () => {
    const line = plain().summary(
      summary({
        calls: [
          {
            server: "weather",
            transport: "stdio",
            method: "tools/call",
            target: "get_weather",
            calls: 23,
            errors: 1,
            cancelled: 2,
            unanswered: 1,
            open: 1,
            p50Ms: 12.3456,
            p95Ms: 40,
          },
        ],
        openCalls: [
          {
            session: session(),
            method: "tools/call",
            target: "slow",
            idText: '"x"',
            sinceNs: TIME_NS,
          },
        ],
        unansweredCalls: [DEAD],
        coverage: { "datagram socket": 2 },
      }),
    );
    expect(assertNdjson([line])[0]).toEqual({
      kind: "summary",
      timestamp: "2026-11-20T12:34:56.789012Z",
      start: "2026-11-20T12:33:20.000000Z",
      duration_ms: 96789.012,
      ended_by: "signal",
      front_end: "fexit",
      kernel: "6.12.1",
      exact: true,
      skipped_runs: 0,
      missed_bytes: 0,
      notes_lost: 0,
      process_events_lost: 0,
      unattributed_bytes: 0,
      channels_seen: 4,
      messages: 1234,
      message_bytes: 345678,
      by_type: { request: 512, notification: 210, response: 510, error: 2 },
      tool_errors: 0,
      sessions: 3,
      calls_finished: 512,
      calls_unanswered: 3,
      calls_unheard: 0,
      calls_cancelled: 0,
      calls: [
        {
          server: "weather",
          transport: "stdio",
          method: "tools/call",
          target: "get_weather",
          calls: 23,
          errors: 1,
          cancelled: 2,
          unanswered: 1,
          open: 1,
          p50_ms: 12.346,
          p95_ms: 40,
        },
      ],
      open_calls: [
        {
          session: "s1",
          id: "x",
          method: "tools/call",
          target: "slow",
          since: "2026-11-20T12:34:56.789012Z",
        },
      ],
      unanswered_calls: [
        {
          session: "s1",
          id: 8,
          method: "tools/call",
          target: "dead",
          since: "2026-11-20T12:34:54.289012Z",
          waited_ms: 2500,
        },
      ],
      loss: { ...NO_LOSS },
      loss_bytes: 0,
      peer_loss_bytes: 0,
      noise_bytes: 0,
      noise: [],
      http_bytes: 0,
      skipped_bytes: 0,
      http_exchanges: 0,
      coverage: { "datagram socket": 2 },
    });
  });

  test("NdjsonRenderer says in the summary what filters let pass", () => {
    const shown = {
      messages: 12,
      messageBytes: 3_456,
      calls: [],
      callsFinished: 6,
      callsUnanswered: 1,
      openCalls: [],
      connections: undefined,
    };
    const [line] = assertNdjson([plain().summary(summary({ shown }))]);
    expect(line).toMatchObject({ messages: 1_234 });
    expect(line?.["shown"]).toEqual({
      messages: 12,
      message_bytes: 3_456,
      calls_finished: 6,
      calls_unanswered: 1,
      open_calls: 0,
    });
  });

  test("NdjsonRenderer marks the summary of a replay and says nothing of a capture", () => {
    const [line] = assertNdjson([
      plain().summary(summary({ replay: true, capture: undefined, endedBy: "end_of_input" })),
    ]);
    expect(line).toMatchObject({ replay: true, ended_by: "end_of_input" });
    expect(line).not.toHaveProperty("front_end");
    expect(line).not.toHaveProperty("exact");
  });
});
