import { expect, test } from "bun:test";
import fc from "fast-check";
import { ExchangeStage } from "../../../src/exchange/stage.ts";
import {
  callsOf,
  closed,
  exited,
  message,
  messagesOf,
  notification,
  pair,
  request,
  result,
  run,
  SECOND,
  sessionsOf,
  tick,
} from "./build.ts";

interface Step {
  readonly session: number;
  readonly fromServer: boolean;
  readonly action: "ask" | "answer";
  /** Which of the open calls is answered. */
  readonly pick: number;
  readonly sentEarlierNs: number | undefined;
}

const step: fc.Arbitrary<Step> = fc.record({
  session: fc.nat(3),
  fromServer: fc.boolean(),
  action: fc.constantFrom("ask", "answer"),
  pick: fc.nat(20),
  sentEarlierNs: fc.option(fc.nat(2_000_000), { nil: undefined }),
});

/** Each session's calls use the same ids; who answers what is known from the call's name alone. */
function conversation(steps: readonly Step[]) {
  const pairs = [pair(10), pair(20), pair(30), pair(40)];
  const talks = pairs.map((p) => ({
    up: { on: p.up, open: new Map<number, string>() },
    down: { on: p.down, open: new Map<number, string>() },
  }));
  const expected = new Map<string, string>();
  const items = steps.flatMap((step, at) => {
    const talk = talks[step.session];
    if (talk === undefined) return [];
    const [own, other] = step.fromServer ? [talk.down, talk.up] : [talk.up, talk.down];
    const json =
      step.action === "ask" ? ask(own.open, `call ${at}`) : answer(other.open, step.pick);
    if (json === undefined) return [];
    if (json.text !== undefined) expected.set(json.name, json.text);
    const nowNs = 10 * SECOND + at * 1_000_000;
    const { sentEarlierNs } = step;
    const sentNs = sentEarlierNs === undefined ? undefined : nowNs - sentEarlierNs;
    return [message(own.on, nowNs, json.line, { sentNs })];
  });
  return { items, expected, pairs };
}

function ask(open: Map<number, string>, name: string) {
  let id = 0;
  while (open.has(id)) id++;
  open.set(id, name);
  return { line: request(id, "ping", { name }), name, text: undefined };
}

function answer(open: Map<number, string>, pick: number) {
  const id = [...open.keys()][pick % Math.max(1, open.size)];
  if (id === undefined) return undefined;
  const name = open.get(id) ?? "";
  open.delete(id);
  const text = `${name} answered`;
  return { line: result(id, { text }), name, text };
}

test("ExchangeStage pairs each request once, with the answer of its own session and direction [jsonrpc/answer]", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { items, expected } = conversation(steps);
      const out = run(items);
      const found = callsOf(out).map((call) => [
        JSON.parse(call.request.paramsText ?? "").name,
        JSON.parse(call.response?.resultText ?? "").text,
      ]);
      expect(new Map(found.map(([name, text]) => [String(name), String(text)]))).toEqual(expected);
      expect(found).toHaveLength(expected.size);
      expect(messagesOf(out)).toHaveLength(items.length);
    }),
    { numRuns: 200 },
  );
});

test("ExchangeStage never gives a negative time, whatever the notes say [capture/order]", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          answer: fc.boolean(),
          timeNs: fc.nat(1_000_000),
          sentNs: fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined }),
        }),
        { maxLength: 60 },
      ),
      (messages) => {
        const { up, down } = pair();
        const out = run(
          messages.map(({ answer, timeNs, sentNs }) =>
            answer
              ? message(down, timeNs, result(1), { sentNs })
              : message(up, timeNs, request(1, "ping"), { sentNs }),
          ),
        );
        const times = messagesOf(out).flatMap((line) => [
          line.durationMs ?? 0,
          line.serverMs ?? 0,
          line.queuedMs ?? 0,
        ]);
        expect(times.filter((time) => !(time >= 0))).toEqual([]);
      },
    ),
  );
});

test("ExchangeStage ends every session once and keeps nothing, however the ends arrive", () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 60 }),
      fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], {
        minLength: 16,
      }),
      (steps, order) => {
        const { items, pairs, expected } = conversation(steps);
        const stage = new ExchangeStage({ allJsonrpc: false });
        const ends = pairs.flatMap((p) => [
          () => exited(p.client, 100 * SECOND, 0),
          () => exited(p.server, 100 * SECOND, 0),
          () => closed(p.up, 100 * SECOND),
          () => closed(p.down, 100 * SECOND),
        ]);
        const out = [
          ...run(items, stage),
          // each end is made when it is pushed: an exit is noted on the process by then
          ...order.flatMap((at) => stage.push(ends[at]?.() ?? tick(0))),
          ...stage.push(tick(200 * SECOND)),
        ];
        const started = sessionsOf(out).filter((line) => line.event === "start");
        const ended = sessionsOf(out).filter((line) => line.event === "end");
        expect(ended.map((line) => line.session.id).toSorted()).toEqual(
          started.map((line) => line.session.id).toSorted(),
        );
        const requests = items.filter((item) => item.kind === "message" && item.type === "request");
        const unanswered = callsOf(out).filter((call) => call.outcome === "unanswered");
        expect(unanswered).toHaveLength(requests.length - expected.size);
        expect(stage.residue).toBe(0);
      },
    ),
  );
});

test("ExchangeStage takes any body in any message without throwing, and gives each one out", () => {
  const methods = [
    "initialize",
    "server/discover",
    "tools/call",
    "tasks/get",
    "completion/complete",
    "notifications/progress",
    "notifications/cancelled",
    "notifications/message",
    "notifications/tasks/status",
  ];
  const body = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.constantFrom(
        "_meta",
        "__proto__",
        "constructor",
        "clientInfo",
        "serverInfo",
        "name",
        "ref",
        "requestId",
        "progressToken",
        "requestState",
        "inputResponses",
        "resultType",
        "task",
        "taskId",
        "protocolVersion",
      ),
      fc.oneof(fc.jsonValue(), fc.constantFrom("input_required", "task")),
    ),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.constantFrom(...methods), fc.nat(3), body), {
        maxLength: 30,
      }),
      (all) => {
        const { up, down } = pair();
        const items = all.map(([shape, method, id, value], at) => {
          const on = shape % 2 === 0 ? up : down;
          if (shape === 0) return message(on, at, request(id, method, value));
          if (shape === 1) return message(on, at, result(id, value), { mcp: true });
          return message(on, at, notification(method, value));
        });
        const out = run(items);
        expect(messagesOf(out)).toHaveLength(items.length);
        expect(messagesOf(out).map((line) => line.seq)).toEqual(items.map((_, at) => at + 1));
      },
    ),
    { numRuns: 300 },
  );
});
