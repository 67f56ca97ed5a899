import { describe, expect, test } from "bun:test";
import type { CallLine, ExchangeItem, Transport } from "../../../src/exchange/types.ts";
import { type ItemFilterOptions, itemFilter } from "../../../src/sinks/filter.ts";
import {
  exchange,
  HOST,
  httpAnswer,
  httpCall,
  httpLine,
  httpRequest,
  httpSession,
  up,
} from "./http-items.ts";
import {
  callAnswer,
  callRequest,
  loss,
  message,
  messageLine,
  noiseLine,
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
  waiting: {
    kind: "waiting",
    session: call.session,
    direction: "client-to-server",
    request: call.request,
    method: call.method,
    target: call.target,
    progressCount: 0,
    sinceNs: TIME_NS,
    timeNs: TIME_NS,
  },
  session: sessionLine(),
  noise: noiseLine(),
  http: httpLine(),
  loss: loss(),
  coverage,
};

const EVERYTHING: ItemFilterOptions = {
  kinds: [],
  transports: [],
  methods: [],
  tools: [],
  servers: [],
  hosts: [],
};

const ALL_KINDS = ["message", "call", "session", "noise", "http", "loss", "coverage"] as const;
const INFO = { name: "git", version: undefined };

function passing(options: Partial<ItemFilterOptions>): string[] {
  const passes = itemFilter({ ...EVERYTHING, ...options });
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
      "waiting",
      "session",
      "noise",
      "http",
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
      "waiting",
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
      itemFilter({ ...EVERYTHING, servers: [server] })(
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
    const passes = itemFilter({ ...EVERYTHING, methods: [glob] });
    expect(passes(item)).toBe(expected);
  });

  test("itemFilter chooses a transport, and passes losses of which no channel is known", () => {
    const items = [
      callRequest(),
      httpCall(exchange()),
      sessionLine(),
      sessionLine({ session: httpSession }),
      httpLine(),
      loss(),
      loss({ channel: up() }),
      loss({ channel: undefined }),
      coverage,
    ];
    const of = (transport: Transport) =>
      items.map(itemFilter({ ...EVERYTHING, transports: [transport] }));
    const both = [true, true];
    expect(of("stdio")).toEqual([true, false, true, false, false, true, false, ...both]);
    expect(of("http")).toEqual([false, true, false, true, true, false, true, ...both]);
    expect(items.map(itemFilter({ ...EVERYTHING, transports: ["http", "stdio"] }))).not.toContain(
      false,
    );
  });

  test("itemFilter chooses hosts by what is addressed, with or without the port, and by a server's address", () => {
    const asked = exchange({ request: httpRequest({ authority: "API.example.com:3001" }) });
    const six = exchange({ request: httpRequest({ authority: "[::1]:3001" }) });
    const unnamed = exchange({ request: httpRequest({ authority: undefined }) });
    const elsewhere = { ...httpSession, server: HOST };
    const items = [
      httpCall(asked),
      httpAnswer(asked),
      { ...call, session: httpSession, request: httpCall(asked).message },
      httpLine({ exchange: asked }),
      sessionLine({ session: { ...httpSession, authority: "api.example.com:3001" } }),
      httpCall(six),
      { ...httpCall(unnamed), session: elsewhere },
      httpLine({ exchange: { ...unnamed, requestChannel: up({ reader: HOST }) } }),
      sessionLine({ session: elsewhere }),
      callRequest(),
      sessionLine(),
      call,
      loss(),
      coverage,
    ];
    const of = (...hosts: string[]) => {
      const passes = itemFilter({ ...EVERYTHING, kinds: ALL_KINDS, hosts });
      return items.flatMap((item, index) => (passes(item) ? [index] : []));
    };
    const always = [12, 13];
    expect(of("api.example.COM")).toEqual([0, 1, 2, 3, 4, ...always]);
    expect(of("*:3001")).toEqual([0, 1, 2, 3, 4, 5, ...always]);
    expect([of("[::1]"), of("::1"), of("[::1]:3001")]).toEqual([
      [5, ...always],
      [5, ...always],
      [5, ...always],
    ]);
    expect(of("10.0.0.?")).toEqual([6, 7, 8, ...always]);
    expect(of("example.com", "127.0.0.1")).toEqual(always);
  });

  test.each([
    ["exchanges without a message", httpLine()],
    ["noise", noiseLine()],
  ])("itemFilter leaves %s out when a method or a tool is asked for", (_what, item) => {
    const passes = (over: Partial<ItemFilterOptions>) =>
      itemFilter({ ...EVERYTHING, ...over })(item);
    expect([passes({}), passes({ methods: ["*"] }), passes({ tools: ["*"] })]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("itemFilter finds a server elsewhere by its address, and one that nobody has named by nothing", () => {
    const of = (server: string, ...items: readonly ExchangeItem[]) =>
      items.map(itemFilter({ ...EVERYTHING, servers: [server] }));
    const elsewhere = sessionLine({ session: { ...httpSession, server: HOST } });
    const nobody = sessionLine({ session: { ...httpSession, server: undefined } });
    const named = { ...nobody, session: { ...nobody.session, serverInfo: INFO } };
    expect(of("10.0.0.5", elsewhere, nobody, httpLine())).toEqual([true, false, false]);
    expect(of("node", elsewhere, nobody, httpLine())).toEqual([false, false, true]);
    expect(of("git", elsewhere, nobody, named)).toEqual([false, false, true]);
  });
});
