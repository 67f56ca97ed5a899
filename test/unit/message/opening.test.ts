import { expect, test } from "bun:test";
import { opensLikeMessage } from "../../../src/message/opening.ts";

test.each([
  ['{"jsonrpc":"2.0","id":1,"method":"initialize"', true],
  ['{"method":"initialize","params":{"protocolVersion":"2025-06-18","cap', true],
  ['[{"id":1,"result":{}}]', true],
  ['\ufeff { "result" : {}', true],
  ['\n\n{"error":', true],
  ['{"level":"info","msg":"listening"}', false],
  ['["jsonrpc"]', false],
  ['log: {"jsonrpc":"2.0"}', false],
  ['{"jsonrpc', false],
  ['starting\n{"jsonrpc":"2.0","id":1}\n', true],
  ['starting\nlog {"jsonrpc":"2.0","id":1}\n', false],
  ["", false],
])("opensLikeMessage takes %j for the beginning of a message: %p", (text, expected) => {
  expect(opensLikeMessage(Buffer.from(text).toString("latin1"))).toBe(expected);
});

test("opensLikeMessage says no where no first write was heard", () => {
  expect(opensLikeMessage(undefined)).toBe(false);
});
