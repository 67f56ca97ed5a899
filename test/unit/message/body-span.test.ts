/** Very long strings in bodies: cut in the parsed value, whole in the text, and still held to JSON's grammar. */
import { expect, test } from "bun:test";
import { readLine, readMessages } from "./read-line.ts";

const LONG = 4 * 1024 * 1024 + 10;

/** A request whose params hold `value`, JSON text, between two short members. */
function request(value: string): string {
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","big":${value},"z":[1]}}`;
}

test("MessageStage cuts a string of 4 Mi characters in the parsed value, not in the text", () => {
  const text = request(`"${"x".repeat(LONG)}"`);
  const [message] = readMessages(text);
  expect(message?.body).toEqual({ name: "a", big: `${"x".repeat(1023)}… ${LONG}`, z: [1] });
  expect(message?.paramsText?.length).toBe(
    text.length - request("").length + '{"name":"a","big":,"z":[1]}'.length,
  );
  expect(message?.raw === text).toBe(true);
});

test("MessageStage leaves a string of less in the parsed value", () => {
  const [message] = readMessages(request(`"${"x".repeat(LONG - 100)}"`));
  expect(Reflect.get(Object(message?.body), "big")).toHaveLength(LONG - 100);
});

test("MessageStage cuts several strings, keys among them, and one that is all of the body", () => {
  const long = "y".repeat(LONG);
  const [message] = readMessages(request(`{"${long}":["${long}","${long}"]}`));
  const cut = `${"y".repeat(1023)}… ${LONG}`;
  expect(message?.body).toEqual({ name: "a", big: { [cut]: [cut, cut] }, z: [1] });
  const [answer] = readMessages(`{"jsonrpc":"2.0","id":1,"result":"${long}"}`);
  expect(answer?.body).toBe(cut);
});

test.each(["\\u0041", "\\\\", '\\"', "\\n", "\\\\\\\\\\\\"])(
  "MessageStage cuts no %j in two, wherever it stands",
  (sequence) => {
    const decoded: unknown = JSON.parse(`"${sequence}"`);
    for (let before = 1010; before < 1024; before++) {
      const text = request(`"${"x".repeat(before)}${sequence}${"x".repeat(LONG)}"`);
      const big = String(Reflect.get(Object(readMessages(text)[0]?.body), "big"));
      const [kept = ""] = big.split("…");
      expect(`${"x".repeat(before)}${String(decoded)}${"x".repeat(1024)}`.startsWith(kept)).toBe(
        true,
      );
      expect(kept.length).toBeGreaterThan(1000);
    }
  },
);

test.each(["\u0001", "\\x", "\\u12"])(
  "MessageStage says that a line is no JSON when a very long string in it holds %j",
  (broken) => {
    const items = readLine(request(`"${"x".repeat(LONG)}${broken}"`));
    expect(items).toMatchObject([{ kind: "message", flags: ["invalid_json"] }]);
  },
);
