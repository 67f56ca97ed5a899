/** Exchange items for the sinks' tests; each argument overrides a part. */
import type { Channel, LossReason, Process } from "../../../src/capture/types.ts";
import type {
  CaptureFacts,
  MessageLine,
  NoiseLine,
  Session,
  SessionLine,
  Summary,
} from "../../../src/exchange/types.ts";
import type { Frame, Loss } from "../../../src/framing/types.ts";
import type { Message } from "../../../src/message/types.ts";
import type { WallClock } from "../../../src/sinks/types.ts";

/** Boot was at 2026-11-20T12:00:00.000000Z. */
export const clock: WallClock = { toUnixMicros: (bootNs) => 1_795_176_000_000_000 + bootNs / 1000 };

/** 34 min 56.789012 s after boot. */
export const TIME_NS = 2_096_789_012_000;

export function process(over: Partial<Process> = {}): Process {
  return {
    pid: 12345,
    startNs: 1_000_000_000,
    comm: "python",
    commandLine: ["python", "client.py"],
    containerId: undefined,
    exit: undefined,
    ...over,
  };
}

export const client = process();
export const server = process({ pid: 12346, commandLine: ["python", "weather.py"] });

export function channel(over: Partial<Channel> = {}): Channel {
  return {
    id: "pipe:4711",
    kind: "pipe",
    inode: 4711,
    reverse: undefined,
    reader: server,
    writer: client,
    ...over,
  };
}

export function session(over: Partial<Session> = {}): Session {
  return {
    id: "s1",
    transport: "stdio",
    client,
    server,
    httpSessionId: undefined,
    authority: undefined,
    clientInfo: undefined,
    serverInfo: undefined,
    protocolVersion: undefined,
    era: undefined,
    clientCapabilities: undefined,
    serverCapabilities: undefined,
    startNs: 2_000_000_000_000,
    endNs: undefined,
    endReason: undefined,
    lateAttach: false,
    ...over,
  };
}

export function frame(text: string, over: Partial<Frame> = {}): Frame {
  return {
    kind: "frame",
    channel: channel(),
    text,
    bytes: Buffer.byteLength(text) + 1,
    endPosition: Buffer.byteLength(text) + 1,
    timeNs: TIME_NS,
    reader: server,
    sender: client,
    sentNs: undefined,
    flags: [],
    ...over,
  };
}

/** A message whose spans are given as text; `raw` is not derived from them. */
export function message(over: Partial<Message> = {}): Message {
  const raw = over.raw ?? '{"jsonrpc":"2.0","id":7,"method":"tools/call"}';
  return {
    kind: "message",
    frame: frame(raw),
    type: "request",
    idText: "7",
    method: "tools/call",
    paramsText: undefined,
    resultText: undefined,
    errorText: undefined,
    body: undefined,
    bytes: Buffer.byteLength(raw) + 1,
    raw,
    batch: undefined,
    mcp: true,
    senderRoles: "client",
    knownMethod: true,
    flags: [],
    ...over,
  };
}

/** One conversation for all lines that name none. */
const talk = session();

export function messageLine(over: Partial<MessageLine> = {}): MessageLine {
  return {
    kind: "message",
    message: message(),
    session: talk,
    seq: 7,
    from: client,
    to: server,
    direction: "client-to-server",
    request: undefined,
    target: undefined,
    callId: undefined,
    chain: undefined,
    durationMs: undefined,
    serverMs: undefined,
    queuedMs: undefined,
    flags: [],
    ...over,
  };
}

/** What the server says beside its messages. */
export function noiseLine(over: Partial<NoiseLine> = {}): NoiseLine {
  return {
    kind: "noise",
    session: talk,
    direction: "server-to-client",
    channel: channel({ id: "pipe:4712", reader: client, writer: server }),
    from: server,
    to: client,
    text: "MCP Server started",
    lines: 1,
    bytes: 19,
    holdsMessage: false,
    timeNs: TIME_NS,
    ...over,
  };
}

/** A call of get_weather. */
export function callRequest(): MessageLine {
  const params = '{"name":"get_weather","arguments":{"city":"Oslo"}}';
  return messageLine({
    target: "get_weather",
    message: message({
      raw: `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}`,
      paramsText: params,
      body: JSON.parse(params),
    }),
  });
}

/** Its answer, 23.4 ms later. */
export function callAnswer(over: Partial<Message> = {}): MessageLine {
  const result = '{"content":[{"type":"text","text":"4 °C"}]}';
  return messageLine({
    seq: 8,
    from: server,
    to: client,
    direction: "server-to-client",
    target: "get_weather",
    request: {
      method: "tools/call",
      paramsText: '{"name":"get_weather","arguments":{"city":"Oslo"}}',
      target: "get_weather",
    },
    durationMs: 23.4001,
    serverMs: 22.9,
    queuedMs: 0.25,
    message: message({
      frame: frame("", { channel: channel({ id: "pipe:4712", reader: client, writer: server }) }),
      raw: `{"jsonrpc":"2.0","id":7,"result":${result}}`,
      type: "response",
      method: undefined,
      resultText: result,
      body: JSON.parse(result),
      ...over,
    }),
  });
}

export function sessionLine(over: Partial<SessionLine> = {}): SessionLine {
  return {
    kind: "session",
    event: "start",
    session: talk,
    timeNs: TIME_NS,
    messages: 0,
    openCalls: 0,
    ...over,
  };
}

export function loss(over: Partial<Loss> = {}): Loss {
  return {
    kind: "loss",
    channel: channel(),
    bytes: 4096,
    reason: "ring_full",
    timeNs: TIME_NS,
    ...over,
  };
}

export const NO_LOSS: Readonly<Record<LossReason, number>> = {
  ring_full: 0,
  fault: 0,
  call_too_large: 0,
  cut_by_gap: 0,
  line_too_long: 0,
  started_before_attach: 0,
  unfinished_line: 0,
  unseen_read: 0,
  unread: 0,
  memory_limit: 0,
};

export const CAPTURE: CaptureFacts = {
  frontEnd: "fexit",
  kernel: "6.12.1",
  exact: true,
  skippedRuns: 0,
  missedBytes: 0,
  notesLost: 0,
  processEventsLost: 0,
  channelsSeen: 4,
  unattributedBytes: 0,
};

export function summary(over: Partial<Summary> = {}): Summary {
  return {
    kind: "summary",
    startNs: 2_000_000_000_000,
    timeNs: TIME_NS,
    durationMs: 96_789.012,
    replay: false,
    capture: CAPTURE,
    messages: 1234,
    messageBytes: 345_678,
    byType: { request: 512, notification: 210, response: 510, error: 2 },
    toolErrors: 0,
    sessions: 3,
    calls: [],
    callsFinished: 512,
    callsUnanswered: 3,
    callsUnheard: 0,
    callsCancelled: 0,
    unansweredCalls: [],
    openCalls: [],
    loss: NO_LOSS,
    lossBytes: 0,
    peerLossBytes: 0,
    noiseBytes: 0,
    noise: [],
    httpBytes: 0,
    skippedBytes: 0,
    httpExchanges: 0,
    coverage: {},
    endedBy: "signal",
    ...over,
  };
}
