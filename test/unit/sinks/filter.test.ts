import { describe, expect, test } from "bun:test";
import type { CallLine, ExchangeItem } from "../../../src/exchange/types.ts";
import { type ItemFilterOptions, itemFilter } from "../../../src/sinks/filter.ts";
import {
  callAnswer,
  callRequest,
  loss,
  message,
  messageLine,
  process,
  session,
  sessionLine,
  TIME_NS,
} from "./items.ts";

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
  durationMs: 1,
  serverMs: 1,
};
const prompt = messageLine({ target: "get_weather", message: message({ method: "prompts/get" }) });
const progress = messageLine({
  target: "get_weather",
  callId: "7",
  message: message({ method: "notifications/progress", type: "notification" }),
});
const coverage: ExchangeItem = {
  kind: "coverage",
  reason: "io_uring",
  channel: undefined,
  process: undefined,
  bytes: 0,
  timeNs: TIME_NS,
};
const ITEMS: Readonly<Record<string, ExchangeItem>> = {
  request: callRequest(),
  answer: callAnswer(),
  prompt,
  progress,
  call,
  session: sessionLine(),
  loss: loss(),
  coverage,
};

function passing(options: Partial<ItemFilterOptions>): string[] {
  const passes = itemFilter({ kinds: [], methods: [], tools: [], servers: [], ...options });
  return Object.keys(ITEMS).filter((name) => {
    const item = ITEMS[name];
    return item !== undefined && passes(item);
  });
}

describe("itemFilter", () => {
  test("itemFilter lets everything but calls pass by default", () => {
    expect(passing({})).toEqual([
      "request",
      "answer",
      "prompt",
      "progress",
      "session",
      "loss",
      "coverage",
    ]);
  });

  test("itemFilter chooses kinds", () => {
    expect(passing({ kinds: ["call", "loss"] })).toEqual(["call", "loss"]);
  });

  test("itemFilter chooses messages by method, answers with their request", () => {
    expect(passing({ methods: ["tools/*"] })).toEqual([
      "request",
      "answer",
      "session",
      "loss",
      "coverage",
    ]);
    expect(
      passing({ methods: ["prompts/get", "notifications/?rogress"], kinds: ["message"] }),
    ).toEqual(["prompt", "progress"]);
  });

  test("itemFilter chooses by tool the call, its answer and its notifications, and no prompt", () => {
    expect(passing({ tools: ["get_*"], kinds: ["message", "call"] })).toEqual([
      "request",
      "answer",
      "progress",
      "call",
    ]);
    expect(passing({ tools: ["get"], kinds: ["message", "call"] })).toEqual([]);
  });

  test("itemFilter finds a server by its own name, what it runs, or its comm", () => {
    const of = (server: string) =>
      itemFilter({ kinds: [], methods: [], tools: [], servers: [server] })(
        sessionLine({
          session: session({
            serverInfo: { name: "Weather", version: "1" },
            server: process({ commandLine: ["python", "/srv/weather.py"] }),
          }),
        }),
      );
    expect(["Weather", "weather.py", "python", "client.py", "weather"].map(of)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(passing({ servers: ["nobody"] })).toEqual(["loss", "coverage"]);
  });

  test.each([
    ["*", "", true],
    ["a*b*c", "a--b--c", true],
    ["a*b*c", "a--c--b", false],
    ["?", "", false],
    ["*aaaaaaaaaaaaaaaaaaaab", "a".repeat(50_000), false],
    ["[a]", "a", false],
    [".", "a", false],
  ])("itemFilter matches %j against the method name: %#", (glob, method, expected) => {
    const item = messageLine({ message: message({ method }) });
    const passes = itemFilter({ kinds: [], methods: [glob], tools: [], servers: [] });
    expect(passes(item)).toBe(expected);
  });
});
