/** What a peer sends never ends the pipeline: lines of hostile messages, read by programs that people read them with. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { CallLine } from "../../../src/exchange/types.ts";
import { RecordedClock } from "../../../src/replay/recorded-time.ts";
import { ReplayRun } from "../../../src/replay/replay-run.ts";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import {
  GO_JSON,
  JQ_1_6,
  PYTHON_JSON,
  READERS,
  type Reader,
  readBy,
} from "../../readers/readers.ts";
import { objects, UNFIT_LINES } from "../message/unfit-lines.ts";
import { CALL, Conversation, greet, record } from "../replay/stdio-runs.ts";
import { callRequest, clock, process, TIME_NS } from "./items.ts";
import { assertNdjson } from "./validate.ts";

// Go compiles its reader first
setDefaultTimeout(60_000);

const MEMBERS = ["id", "method", "params", "result", "error"];
const ANSWERED = CALL.replace(/"id":\d+/, '"id":7');

/** All kinds of lines about a message: asked, answered, asked again, waited for and not answered. */
function talk(pid: number, text: string): Conversation {
  const conversation = greet(new Conversation(pid));
  const [, id] = /"id":(.*?),"method"/s.exec(text) ?? [];
  if (id === undefined) return conversation.ask(ANSWERED).answer(text);
  const result = `{"jsonrpc":"2.0","id":${id},"result":{"content":[]}}`;
  return conversation.ask(text).answer(result).ask(text).ask(text).wait(60_000).exitServer(0);
}

function recordAll(raw: boolean): string[] {
  return Object.values(UNFIT_LINES).flatMap(({ text }, n) =>
    record(talk(1000 + 10 * n, text).items, raw),
  );
}

/** The last line, where calls are open. */
function summaryOf(lines: readonly string[]): string {
  const run = new ReplayRun(new RecordedClock(), false);
  for (const line of lines) {
    const value: unknown = JSON.parse(line);
    // those of a session that has ended are open no more
    if (Object(value).event !== "end") run.push(Object(value));
  }
  run.end();
  const renderer = new NdjsonRenderer({ clock, raw: true, redactor: undefined });
  return renderer.summary(run.summary("end_of_input"));
}

/** A call that caused what may be of others, too. */
function lineOfEffects(...candidates: readonly string[]): string {
  const { message, session } = callRequest();
  const argv = ["git"];
  const effects = [
    { kind: "exec", timeNs: TIME_NS, process: process(), argv, candidates },
  ] as const;
  const line: CallLine = {
    kind: "call",
    session,
    direction: "client-to-server",
    request: message,
    response: undefined,
    method: "tools/call",
    target: undefined,
    outcome: "unanswered",
    chain: candidates[0],
    progressCount: 0,
    logCount: 0,
    timeNs: TIME_NS,
    durationMs: undefined,
    serverMs: undefined,
    effects,
  };
  return new NdjsonRenderer({ clock, raw: true, redactor: undefined }).item(line);
}

const LINES = [
  ...recordAll(false),
  ...recordAll(true),
  summaryOf(recordAll(false)),
  lineOfEffects("[7]", "7", '"\\ud800"'),
  lineOfEffects('"\\udc00"', "1e999"),
];

function titled(title: string, { name, lacks }: Reader): string {
  return `${name} ${title}${lacks === undefined ? "" : ` (skipped: no ${lacks})`}`;
}

test("the lines are of all kinds that show what a peer sent", () => {
  const kinds = new Set(assertNdjson(LINES).map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual(["call", "message", "session", "summary", "waiting"]);
});

describe.each(READERS)("$name", (reader) => {
  test.skipIf(reader.lacks !== undefined)(
    titled(
      "reads every line of hostile messages, and the texts are in them [output/readers]",
      reader,
    ),
    async () => {
      const { code, stderr, texts } = await readBy(reader, `${LINES.join("\n")}\n`);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const expected: unknown = assertNdjson(LINES).map((line) =>
        MEMBERS.map((member) => line[`${member}_text`] ?? null),
      );
      expect<unknown>(texts).toEqual(expected);
    },
  );
});

/** Lines that carried it as it is. */
const STOPS: readonly (readonly [Reader, string, string])[] = [
  [JQ_1_6, "objects of 129 levels", objects(129)],
  [JQ_1_6, "half of a surrogate pair", '{"a":"\\ud83d"}'],
  [PYTHON_JSON, "objects of 2,000 levels", objects(2000)],
  [PYTHON_JSON, "half of a surrogate pair", '{"a":"\\ud83d"}'],
  [PYTHON_JSON, "5,000 digits", `{"a":${"1".repeat(5000)}}`],
  [PYTHON_JSON, "an id of an array", '{"id":[7]}'],
  [GO_JSON, "a number beyond double", '{"a":1e309}'],
  [GO_JSON, "objects of 20,000 levels", objects(20_000)],
];

for (const [reader, what, line] of STOPS) {
  test.skipIf(reader.lacks !== undefined)(titled(`stops at ${what}`, reader), async () => {
    const { code, texts } = await readBy(reader, `${line}\n{}\n`);
    expect({ hasFailed: code !== 0, hasReadOn: texts.length === 2 }).toEqual({
      hasFailed: true,
      hasReadOn: false,
    });
  });
}

test.each(Object.entries(UNFIT_LINES))(
  "NdjsonRenderer gives out the exact text of what some reader would refuse: %s",
  (_, { text, texts, flags }) => {
    const lines = assertNdjson(record(talk(2000, text).items, false));
    const line = lines.findLast(
      ({ kind, seq }) => kind === "message" && seq === (text.includes('"method"') ? 4 : 5),
    );
    const given = MEMBERS.flatMap((member) => {
      const value = line?.[`${member}_text`];
      return value === undefined ? [] : [[member, value]];
    });
    expect(Object.fromEntries(given)).toEqual(texts);
    for (const member of Object.keys(texts)) {
      expect(Object.hasOwn(line ?? {}, member)).toBe(!flags.includes("as_text"));
    }
    expect([line?.["flags"] ?? []].flat()).toEqual(expect.arrayContaining([...flags]));
  },
);

test("NdjsonRenderer shows U+FFFD for halves of surrogate pairs", () => {
  const text =
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"\\udc00","a":["\\ud83d\\ude00\\ud83d!"]}}';
  const [line] = assertNdjson(
    record(greet(new Conversation(3000)).ask(text).items, false).slice(-1),
  );
  expect(line).toMatchObject({
    target: "\ufffd",
    params: { name: "\ufffd", a: ["\u{1f600}\ufffd!"] },
    params_text: '{"name":"\\udc00","a":["\\ud83d\\ude00\\ud83d!"]}',
  });
});

test("NdjsonRenderer leaves capabilities out that are nested too deep", () => {
  const initialize = (capabilities: string) =>
    `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":${capabilities},"clientInfo":{"name":"a","version":"1"}}}`;
  const capabilitiesOf = (capabilities: string) =>
    assertNdjson(record(new Conversation(4000).ask(initialize(capabilities)).items))[0]?.[
      "client_capabilities"
    ];
  expect(capabilitiesOf(objects(126))).toBeUndefined();
  expect(capabilitiesOf(objects(125))).toEqual(JSON.parse(objects(125)));
  expect(capabilitiesOf('{"a":"\\ud83d"}')).toEqual({ a: "\ufffd" });
});
