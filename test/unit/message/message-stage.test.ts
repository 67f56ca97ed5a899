import { expect, test } from "bun:test";
import { MessageStage } from "../../../src/message/message-stage.ts";
import { channelEnd, makeChannel, makeProcess } from "../framing/items.ts";
import { makeFrame, readLine, readMessages, readOne } from "./read-line.ts";

test("MessageStage gives the members of a request as they stand on the wire", () => {
  const frame = makeFrame(
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"f", "n":1e2}}',
  );
  expect(new MessageStage().push(frame)).toEqual([
    {
      kind: "message",
      frame,
      type: "request",
      idText: "7",
      method: "tools/call",
      paramsText: '{"name":"f", "n":1e2}',
      resultText: undefined,
      errorText: undefined,
      body: { name: "f", n: 100 },
      bytes: 78,
      raw: '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"f", "n":1e2}}',
      batch: undefined,
      mcp: true,
      senderRoles: "client",
      knownMethod: true,
      flags: [],
      isLineSafe: true,
    },
  ]);
});

test.each([
  ['{"jsonrpc":"2.0","id":1,"method":"ping"}', "request"],
  ['{"jsonrpc":"2.0","id":null,"method":"ping"}', "request"],
  ['{"jsonrpc":"2.0","method":"notifications/initialized"}', "notification"],
  ['{"jsonrpc":"2.0","id":0,"result":{}}', "response"],
  ['{"result":[],"id":"a","jsonrpc":"2.0"}', "response"],
  ['{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}', "error"],
  ['{"jsonrpc":"2.0","error":{"code":-32700,"message":"no"}}', "error"],
  [' { "jsonrpc" : "2.0" , "id" : 1 , "result" : { } } ', "response"],
])("MessageStage reads %s as a %s without flags", (text, type) => {
  expect(readOne(text)).toMatchObject({ type, flags: [] });
});

test.each([
  ['{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1}}', "error", ["malformed_response"]],
  ['{"jsonrpc":"2.0","id":1,"result":1,"error":null}', "response", ["malformed_response"]],
  ['{"jsonrpc":"2.0","id":1}', "response", ["malformed_response"]],
  ['{"jsonrpc":"2.0","result":1}', "response", ["malformed_response"]],
  ['{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}', "request", ["invalid_id", "as_text"]],
  ['{"jsonrpc":"2.0","id":[1],"method":"ping"}', "request", ["invalid_id", "as_text"]],
  ['{"jsonrpc":"2.0","id":true,"result":1}', "response", ["invalid_id", "as_text"]],
  ['{"id":1,"method":"tools/list"}', "request", ["not_jsonrpc_2"]],
  ['{"jsonrpc":2.0,"id":1,"method":"tools/list"}', "request", ["not_jsonrpc_2"]],
  ['{"jsonrpc":"1.0","id":1,"result":{}}', "response", ["not_jsonrpc_2"]],
  ['{"id":1,"error":{"code":1}}', "error", ["not_jsonrpc_2"]],
])("MessageStage reads %s as a %s and flags it", (text, type, flags) => {
  expect(readOne(text)).toMatchObject({ type, flags });
});

test.each([
  [
    "a line of overhear's own output",
    '{"kind":"message","transport_type":"stdio","seq":1,"type":"request","id":7,"method":"tools/call","params":{"name":"a"}}',
  ],
  ["what jq makes of one", '{"method":"tools/call","target":"a","params":{"name":"a"}}'],
  ["a log line of JSON", '{"level":30,"time":1,"msg":"hi","id":7}'],
  ["a log line with a result", '{"id":1,"result":"ok","level":"info"}'],
  ["an unknown method without a version", '{"id":1,"method":"Page.navigate"}'],
  ["a lone brace", "{"],
  ["a method that is no string", '{"jsonrpc":"2.0","id":1,"method":5}'],
  ["only a version", '{"jsonrpc":"2.0"}'],
  ["an empty object", "{}"],
  ["an empty array", "[]"],
  ["an array of numbers", "[1,2,3]"],
  ["a bracketed log line", "[info] server ready"],
  ["an array with a broken element", '[{"jsonrpc":"2.0","method":"ping"},{]'],
  ["an array without an end", '[{"jsonrpc":"2.0","method":"ping"}'],
  ["text behind an array", '[{"jsonrpc":"2.0","method":"ping"}] x'],
])("MessageStage takes %s for noise of the same bytes", (_name, text) => {
  const bytes = Buffer.byteLength(text) + 1;
  expect(readLine(text)).toMatchObject([{ kind: "noise", bytes }]);
});

test.each([
  ["text behind the object", '{"jsonrpc":"2.0","id":1,"result":{}} x', "more text at 37"],
  ["two objects", '{"jsonrpc":"2.0","id":1,"result":{}}{"jsonrpc":"2.0"}', "more text at 36"],
  ["a comma too many", '{"jsonrpc":"2.0","id":1,"result":{},}', "a comma before the bracket at 35"],
  [
    "a control character",
    '{"jsonrpc":"2.0","id":"\u0007","result":{}}',
    "a control character at 23",
  ],
  ["an escape", '{"jsonrpc":"2.0","id":1,"result":"\u001b[2J"}', "a control character at 34"],
  ["a broken body", '{"jsonrpc":"2.0","id":1,"result":{"a":}}', "an unexpected } at 38"],
  ["crossed brackets", '{"jsonrpc":"2.0","id":1,"result":{"a":[}]}', "an unexpected } at 39"],
  ["a body of no use", '{"jsonrpc":"2.0","method":"ping","error":{"a":}}', "an unexpected } at 46"],
  [
    "a first of two",
    '{"jsonrpc":"2.0","method":"ping","params":{:},"params":1}',
    "an unexpected : at 43",
  ],
  ["an unknown member", '{"jsonrpc":"2.0","method":"ping","x":[01]}', "a number at 38"],
])("MessageStage reads what has %s as far as it goes", (_name, text, jsonError) => {
  const bytes = Buffer.byteLength(text) + 1;
  expect(readLine(text)).toMatchObject([{ kind: "message", bytes, jsonError }]);
});

test("MessageStage keeps the wire text of numbers, keys and strings [jsonrpc/verbatim]", () => {
  const params = '{"b":12345678901234567890,"a":1.0,"s":"\\u0061\\ud800","__proto__":{"x":1e400}}';
  const message = readOne(`{"jsonrpc":"2.0","method":"ping","params":${params}}`);
  expect(message.paramsText).toBe(params);
  expect(Object.keys(Object(message.body))).toEqual(["b", "a", "s", "__proto__"]);
});

test("MessageStage reads keys that are written with escapes", () => {
  const text =
    '{"\\u006asonrpc":"2.0","\\u0069\\u0064":1,"\\u006dethod":"\\u0070ing","p\\u0061rams":{}}';
  expect(readOne(text)).toMatchObject({ idText: "1", method: "ping", paramsText: "{}", flags: [] });
});

test("MessageStage lets the last of two equal keys count and flags it", () => {
  const text = '{"jsonrpc":"2.0","id":1,"id":2,"result":{"a":1},"r\\u0065sult":{"b":2}}';
  expect(readOne(text)).toMatchObject({
    idText: "2",
    resultText: '{"b":2}',
    body: { b: 2 },
    flags: ["duplicate_key"],
  });
});

test("MessageStage is not misled by braces and quotes in strings about where a body ends", () => {
  const params = '{"a":"},\\"x\\":{}","b":"\\\\"}';
  for (const text of [
    `{"jsonrpc":"2.0","method":"ping","params":${params}}`,
    `{"jsonrpc":"2.0","params":${params},"method":"ping"}`,
    `{"params":${params},"id":"},\\"","method":"ping","jsonrpc":"2.0"}`,
    `{"params":${params},"x":{"y":{}},"id":{"z":"}},"},"method":"ping","jsonrpc":"2.0"}`,
    `{"params":${params},"x":[{}],"method":"ping","jsonrpc":"2.0"}`,
    `{"x":"${"long ".repeat(400)}","params":${params},"method":"ping","jsonrpc":"2.0"}`,
  ]) {
    expect(readOne(text).paramsText).toBe(params);
  }
});

test.each([
  ["an escaped quote", '\\"'],
  ["a backslash at its end", "\\\\"],
  ["three backslashes and a quote", '\\\\\\"'],
])("MessageStage finds the end of a long string with %s", (_name, end) => {
  const params = `{"a":"${"x".repeat(2000)}${end}]}","b":"${end}","c":"${end}${"y".repeat(40)}${end}"}`;
  const message = readOne(`{"jsonrpc":"2.0","method":"ping","params":${params},"id":1}`);
  expect(message).toMatchObject({ paramsText: params, idText: "1" });
});

test("MessageStage does not join two bodies into one", () => {
  const text = '{"jsonrpc":"2.0","id":1,"result":{"a":1},"result":{"b":2},"error":{"c":3}}';
  expect(readOne(text)).toMatchObject({ resultText: '{"b":2}', errorText: '{"c":3}' });
});

test("MessageStage splits a batch and gives the first message the line's bytes [jsonrpc/batch]", () => {
  const text =
    '[{"jsonrpc":"2.0","id":1,"method":"ping"}, 5,\t{"jsonrpc":"2.0","id":2,"result":{}} ,{}]';
  expect(readMessages(text)).toMatchObject([
    {
      raw: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      bytes: 88,
      batch: { index: 0, size: 4 },
    },
    {
      raw: '{"jsonrpc":"2.0","id":2,"result":{}}',
      bytes: 0,
      batch: { index: 2, size: 4 },
    },
  ]);
});

test("MessageStage loses a batch of more than 65,536 elements and says so", () => {
  const element = '{"jsonrpc":"2.0","method":"ping"}';
  const batch = (size: number) => `[${Array.from({ length: size }, () => element).join(",")}]`;
  expect(readMessages(batch(65_536))).toHaveLength(65_536);
  expect(readLine(batch(65_537))).toMatchObject([
    { kind: "loss", reason: "memory_limit", bytes: 65_537 * 34 + 2 },
  ]);
});

test.each([
  ["513 levels", 512, ["deep_nesting", "as_text"], undefined],
  ["512 levels", 511, ["as_text"], expect.anything()],
  ["200,000 levels", 200_000, ["deep_nesting", "as_text"], undefined],
])("MessageStage hears a message of %s", (_name, brackets, flags, body) => {
  const params = "[".repeat(brackets) + "]".repeat(brackets);
  const message = readOne(`{"jsonrpc":"2.0","method":"ping","params":${params}}`);
  expect(message).toMatchObject({ flags, paramsText: params });
  expect(message.body).toEqual(body);
});

test("MessageStage proves deep text to be JSON without parsing it", () => {
  const deep = `${"[".repeat(1000)}01${"]".repeat(1000)}`;
  expect(readLine(`{"jsonrpc":"2.0","method":"ping","params":${deep}}`)).toMatchObject([
    { kind: "message", jsonError: "a number at 1042" },
  ]);
});

test("MessageStage does not look into a body of more than a million values", () => {
  const params = `[${"[],".repeat(1_050_000)}1]`;
  const message = readOne(`{"jsonrpc":"2.0","method":"ping","params":${params}}`);
  expect(message).toMatchObject({ flags: ["too_many_values", "as_text"], body: undefined });
});

test("MessageStage adds its flags behind the frame's", () => {
  const frame = { ...makeFrame('{"id":1,"method":"ping"}'), flags: ["bom"] as const };
  expect(new MessageStage().push(frame)).toMatchObject([{ flags: ["bom", "not_jsonrpc_2"] }]);
});

test("MessageStage passes everything else on unchanged", () => {
  const channel = makeChannel("pipe:1");
  const stage = new MessageStage();
  for (const item of [
    { kind: "loss", channel, bytes: 5, reason: "unread", timeNs: 1 },
    { kind: "noise", channel, bytes: 5, of: "text" },
    { kind: "set-aside", channel, timeNs: 0 },
    { kind: "tick", timeNs: 1 },
    { kind: "process-end", process: makeProcess(1), timeNs: 1 },
    channelEnd(channel),
  ] as const) {
    expect(stage.push(item)).toEqual([item]);
  }
  expect(stage.end()).toEqual([]);
});
