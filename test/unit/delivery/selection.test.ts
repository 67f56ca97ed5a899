import { expect, test } from "bun:test";
import { Selection } from "../../../src/delivery/selection.ts";
import { ServerGate } from "../../../src/delivery/server-gate.ts";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import { messageLine, session, summary } from "../sinks/items.ts";

/** Of a server that has not said its name. */
const unnamed = () => messageLine({ session: session({ serverInfo: undefined }) });

function select(maxMessages?: number): Selection {
  return new Selection({
    accepts: () => true,
    gate: new ServerGate(),
    countsAsShown: ({ kind }: ExchangeItem) => kind === "message",
    maxMessages,
  });
}

test("Selection passes what the gate holds when the run ends", () => {
  const selection = select();
  const line = unnamed();
  expect(selection.pass([line])).toEqual([]);
  expect(selection.release()).toEqual([line]);
  expect(selection.release()).toEqual([]);
});

test("Selection counts what the gate releases against the limit", () => {
  const selection = select(1);
  const items = [unnamed(), unnamed()];
  expect(selection.pass(items)).toEqual([]);
  expect({
    passed: selection.release().length,
    full: selection.full,
    matched: selection.matched,
  }).toEqual({
    passed: 1,
    full: true,
    matched: true,
  });
});

test("Selection shows a counter what comes until the limit, also what is not accepted", () => {
  const seen: ExchangeItem[] = [];
  const shown = {
    messages: 1,
    messageBytes: 2,
    calls: [],
    callsFinished: 0,
    callsUnanswered: 0,
    openCalls: [],
    connections: undefined,
  };
  const selection = new Selection({
    accepts: () => false,
    gate: undefined,
    countsAsShown: () => true,
    maxMessages: 2,
    counter: { observe: (items) => seen.push(...items), make: () => shown },
  });
  expect(selection.pass([unnamed(), unnamed(), unnamed()])).toEqual([]);
  expect(seen).toHaveLength(2);
  expect(selection.complete(summary()).shown).toBe(shown);
  expect(select().complete(summary()).shown).toBeUndefined();
});
