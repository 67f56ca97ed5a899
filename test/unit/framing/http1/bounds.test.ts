/** What a hostile peer may cost: time that grows with what it sends, and memory that is counted. */
import { expect, test } from "bun:test";
import { FramingStage } from "../../../../src/framing/framing-stage.ts";
import type { Frame, FramingItem } from "../../../../src/framing/types.ts";
import { growth } from "../growth.ts";
import {
  CALL,
  ConnectionRun,
  EVENTS_HEAD,
  jsonAnswer,
  makeConnection,
  post,
  RESULT,
  run,
  type Step,
} from "../http-script.ts";

function timeOf(before: readonly Step[], step: Step): number {
  const made = run({ steps: before });
  const started = Bun.nanoseconds();
  made.step(step);
  return Bun.nanoseconds() - started;
}

const OPEN: readonly Step[] = [["C", post(CALL)]];
const STREAM: readonly Step[] = [...OPEN, ["S", EVENTS_HEAD]];

test.each([
  ["a request line of blanks", OPEN, "C", 500, (n: number) => `A${" ".repeat(n)}x\r\n\r\n`],
  [
    "a folded field of carriage returns",
    OPEN,
    "C",
    5000,
    (n: number) => `POST /mcp HTTP/1.1\r\nAccept: ${"\r".repeat(n)}x\r\n y\r\n\r\n`,
  ],
  ["chunks that end in bare line feeds", STREAM, "S", 10_000, (n: number) => "1\nx\n".repeat(n)],
] as const)(
  "FramingStage reads ten times as much of %s in ten times the time, not a hundred",
  (_name, before, who, few, make) => {
    const measure = (count: number) => timeOf(before, [who, make(count)]);
    expect(growth(measure, few, few * 10)).toBeLessThan(40);
  },
);

test("FramingStage reads heads that end in bare empty lines as fast as others", () => {
  const heads = (end: string) =>
    `${`GET /a HTTP/1.1${end}GET /b HTTP/1.1${end}`.repeat(7200)}GET /c HTTP/1.1\r\n\r\n`;
  const [usual, bare] = ["\r\n\r\n", "\n\n"].map((end) => {
    const times = Array.from({ length: 15 }, () => timeOf(OPEN, ["C", heads(end)]));
    return Math.min(...times);
  });
  expect((bare ?? 0) / (usual ?? 1)).toBeLessThan(4);
});

const named = (n: number) => CALL.replace("ping", `call/${n}`);

/** For each answer, what it answers: the number of its request, or undefined. */
function answered(items: readonly FramingItem[]): (string | undefined)[] {
  const frames = items.filter((item): item is Frame => item.kind === "frame");
  const answers = frames.filter(({ http }) => http?.side === "response");
  return answers.map(({ http }) => http?.exchange.request?.fields.mcpName);
}

test("FramingStage gives the answers of requests that are forgotten in a long pipeline to nobody", () => {
  const all = Array.from({ length: 300 }, (_, n) => n);
  const made = run({
    steps: [
      ...all.map((n): Step => ["C", post(named(n), `Mcp-Name: ${n}`)]),
      ...all.map((): Step => ["S", jsonAnswer(RESULT)]),
      // and then the order is known again
      ["C", post(CALL, "Mcp-Name: next")],
      ["S", jsonAnswer(RESULT)],
    ],
  });
  expect(answered(made.items)).toEqual([...all.map((n) => (n < 44 ? undefined : `${n}`)), "next"]);
});

test("FramingStage forgets requests without an answer when their texts take too much, and pairs none wrongly", () => {
  const framing = new FramingStage({ maxTotalBytes: 1_000_000 });
  const runs = Array.from({ length: 10 }, () => new ConnectionRun(makeConnection(), framing));
  const long = "n".repeat(2000);
  for (let n = 0; n < 100; n++) {
    for (const made of runs) made.step(["C", post(CALL, `Mcp-Name: ${n}${long}`)]);
  }
  for (let n = 0; n < 100; n++) for (const made of runs) made.step(["S", jsonAnswer(RESULT)]);
  const names = runs.flatMap(({ items }) => answered(items).map((name, n) => [name, n] as const));
  const paired = names.filter(([name]) => name !== undefined);
  expect(names).toHaveLength(1000);
  expect(paired.length).toBeGreaterThan(100);
  // 1 MB of 3.5 KB each
  expect(paired.length).toBeLessThan(300);
  expect(paired.filter(([name, n]) => name !== `${n}${long}`)).toHaveLength(0);
  // what was answered is not counted any more
  for (let n = 0; n < 2000; n++) {
    runs[0]?.step(["C", post(CALL, `Mcp-Name: ${n}${long}`)]);
    runs[0]?.step(["S", jsonAnswer(RESULT)]);
  }
  expect(answered(runs[0]?.items ?? []).slice(-2000)).not.toContain(undefined);
});

test("FramingStage does not count the requests of connections that have ended", () => {
  const framing = new FramingStage({ maxTotalBytes: 100_000 });
  const ask = (made: ConnectionRun) =>
    made.step(["C", post(CALL, `Mcp-Name: ${"n".repeat(8000)}`)]);
  for (const ends of [["C", "S"], ["S", "C"], ["C"], ["S"]] as const) {
    for (let n = 0; n < 100; n++) {
      const made = new ConnectionRun(makeConnection(), framing);
      ask(made);
      for (const who of ends) made.step([who, "end"]);
      if (ends.length === 1) made.step([ends[0] === "C" ? "S" : "C", "end"]);
    }
  }
  const last = new ConnectionRun(makeConnection(), framing);
  for (let n = 0; n < 5; n++) ask(last);
  for (let n = 0; n < 5; n++) last.step(["S", jsonAnswer(RESULT)]);
  expect(answered(last.items)).not.toContain(undefined);
});

test.each([300, 8192, 9000])("FramingStage keeps session ids of %d characters apart", (length) => {
  const ids = ["1", "2"].map((end) => "e".repeat(length - 1) + end);
  const frames = ids.map((id) => run({ steps: [["C", post(CALL, `Mcp-Session-Id: ${id}`)]] }));
  const kept = frames.map(({ items }) => {
    const frame = items.find((item) => item.kind === "frame");
    return frame?.kind === "frame" ? frame.http?.exchange.request?.fields.sessionId : undefined;
  });
  if (length <= 8192) expect(kept).toEqual(ids);
  else {
    expect(new Set(kept).size).toBe(2);
    expect(kept[0]?.length).toBeLessThan(400);
  }
});

test("FramingStage keeps a name of 8,192 characters whole", () => {
  const name = `=?base64?${"A".repeat(8181)}?=`;
  const { items } = run({ steps: [["C", post(CALL, `Mcp-Name: ${name}`)]] });
  const frame = items.find((item) => item.kind === "frame");
  expect(frame?.kind === "frame" && frame.http?.exchange.request?.fields.mcpName).toBe(name);
});
