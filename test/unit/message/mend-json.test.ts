import { expect, test } from "bun:test";
import fc from "fast-check";
import { mendJson } from "../../../src/message/mend-json.ts";
import { readLine, readOne } from "./read-line.ts";

const START = '{"jsonrpc":"2.0","id":1,"result":';

test.each([
  ["NaN", '{"a":NaN}', '{"a":"NaN"}', "NaN at 5"],
  ["Infinity", "[-Infinity,Infinity]", '["-Infinity","Infinity"]', "-Infinity at 1, and 1 more"],
  ["Python's words", '{"a":True,"b":None}', '{"a":"True","b":"None"}', "True at 5, and 1 more"],
  ["any word, which may be a secret", '{"a":hunter2}', '{"a":"hunter2"}', "a word at 5"],
  ["odd numbers", "[01,+1,.5,5.]", '["01","+1",".5","5."]', "a number at 1, and 3 more"],
  [
    "control characters",
    '{"a":"b\tc\u0001"}',
    '{"a":"b\\u0009c\\u0001"}',
    "a control character at 7, and 1 more",
  ],
  ["line ends in a string", '["a\nb"]', '["a\\u000ab"]', "a control character at 3"],
  ["odd escapes", `["it\\'s","a\\xb"]`, `["it's","a\\\\xb"]`, "an escape at 4, and 1 more"],
  [
    "commas before a bracket",
    '{"a":[1,2,],}',
    '{"a":[1,2]}',
    "a comma before the bracket at 9, and 1 more",
  ],
  [
    "a comma and a comment before a bracket",
    '{"a":1,//\n}',
    '{"a":1 \n}',
    "a comment at 7, and 1 more",
  ],
  ["comments", '{/* a */"a":1//b\n}', '{ "a":1 \n}', "a comment at 1, and 1 more"],
])("mendJson mends %s", (_name, text, mended, error) => {
  expect(mendJson(text)).toEqual({ text: mended, error });
  JSON.parse(mended);
});

test.each([
  ["a quote in a string", `${START}{"text":"he said "hi""}}`, "an unexpected h at 51"],
  ["the end of the text", `${START}{"text":"he sa`, "no end of a string at 47"],
  ["a broken word", `${START}{'a': 1}}`, "an unexpected ' at 34"],
])("mendJson keeps what follows %s as the member's value, a string", (_name, text, error) => {
  const rest = JSON.stringify(text.slice(START.length));
  expect(mendJson(text)).toEqual({ text: `${START}${rest}}`, error });
});

test("mendJson ends the text where another begins", () => {
  expect(mendJson('{"a":NaN} done')).toEqual({
    text: '{"a":"NaN"}',
    error: "NaN at 5, and 1 more",
  });
});

test.each(["{}", "[1]", " x", "{a:1}", "{'jsonrpc': '2.0'}", "[1 2]", '"a"', ""])(
  "mendJson leaves %j alone",
  (text) => {
    expect(mendJson(text)).toBeUndefined();
  },
);

test.each([
  ["words", "NaN,"],
  ["comments", "1,//\n"],
  ["comments one upon the other", "/**/"],
])("mendJson takes no more than so many %s", (_name, unit) => {
  const text = `{"jsonrpc":"2.0","id":1,"result":[${unit.repeat(20_000)}1]}`;
  const mended = mendJson(text);
  expect(mended?.error).toMatch(/, and 10001 more$/);
  expect(JSON.parse(mended?.text ?? "")).toEqual({
    jsonrpc: "2.0",
    id: 1,
    result: expect.stringContaining(unit),
  });
});

test("mendJson gives JSON for any text, and nothing for JSON", () => {
  const part = fc.constantFrom(
    ...['{"jsonrpc":"2.0"', '"id":1', '"result":', "{", "}", "[", "]", ",", ":", '"', "\\", "NaN"],
    ...["1", ".", "-", "//", "/*", "*/", "\n", "\t", "\u0001", "'", "é", "\ud800", "true", '"a"'],
  );
  const text = fc.oneof(
    fc.array(part, { maxLength: 30 }).map((parts) => parts.join("")),
    fc.array(part, { maxLength: 20 }).map((parts) => `${START}${parts.join("")}}`),
  );
  fc.assert(
    fc.property(text, (each) => {
      const mended = mendJson(each);
      if (mended !== undefined) JSON.parse(mended.text);
      if (isParsed(each)) expect(mended).toBeUndefined();
    }),
    { numRuns: 5_000 },
  );
});

function isParsed(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("MessageStage reads what one end may take for JSON, and says what is wrong [stdio/invalid-json]", () => {
  const text = `${START}{"structuredContent":{"mean":NaN}}}`;
  expect(readOne(text)).toMatchObject({
    type: "response",
    idText: "1",
    resultText: '{"structuredContent":{"mean":"NaN"}}',
    body: { structuredContent: { mean: "NaN" } },
    raw: text.replace("NaN", '"NaN"'),
    frame: { text },
    bytes: text.length + 1,
    jsonError: "NaN at 62",
    flags: ["invalid_json"],
  });
});

test.each([
  ["a log of an object", "{ jsonrpc: '2.0', id: 1, method: 'ping' }"],
  ["Python's form of one", "{'jsonrpc': '2.0', 'id': 1, 'method': 'ping'}"],
  ["JSON of another kind", '{"level":"info","jsonrpc":"1.0","mean":NaN,"method":"ping"}'],
  ["a log that has a message in it", '{"got":"\\"jsonrpc\\"","x":NaN}'],
  ["the start of a message", '{"jsonrpc":"2.0","id":1,"resu{"jsonrpc":"2.0","id":2,"result":{}}'],
  ["a message whose method is broken", '{"jsonrpc":"2.0","id":1,"method":tools/call}'],
])("MessageStage takes %s for no message", (_name, text) => {
  expect(readLine(text)).toMatchObject([{ kind: "noise" }]);
});

test("MessageStage reads a batch that is almost JSON", () => {
  const batch = `[${START}{"a":NaN}},{"id":1},${START}{}}]`;
  expect(readLine(batch)).toMatchObject([
    { resultText: '{"a":"NaN"}', jsonError: "NaN at 39", bytes: batch.length + 1 },
    { resultText: "{}", jsonError: "NaN at 39", bytes: 0, batch: { index: 2, size: 3 } },
  ]);
});

test("MessageStage reads a request as far as it goes", () => {
  const text =
    '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"x","arguments":{"q":"a"b"}}}';
  expect(readOne(text)).toMatchObject({
    type: "request",
    method: "tools/call",
    paramsText: JSON.stringify(text.slice(57)),
    jsonError: "an unexpected b at 89",
    flags: ["invalid_json"],
  });
});

test.each([
  ["NaN", `${START}[${"NaN,".repeat(500_000)}1]}`],
  ["control characters", `${START}"${"\t".repeat(2_000_000)}"}`],
  ["brackets", START + "[".repeat(2_000_000)],
])("mendJson takes 2 MB of %s in less than 2 s", (_name, text) => {
  const start = performance.now();
  expect(mendJson(text)).toBeDefined();
  expect(performance.now() - start).toBeLessThan(2_000);
});
