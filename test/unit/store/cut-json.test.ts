import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cutJson } from "../../../src/store/cut-json.ts";
import { bodyOf } from "../../../src/store/message-body.ts";
import { message } from "../sinks/items.ts";

const bytesOf = (text: string) => Buffer.byteLength(text);

describe("cutJson", () => {
  test("cutJson is valid JSON of no more bytes than asked for, whatever the value", () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6 }),
        fc.integer({ min: 2, max: 400 }),
        (value, most) => {
          const json = cutJson(value, most);
          JSON.parse(json);
          expect(bytesOf(json)).toBeLessThanOrEqual(most);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("cutJson leaves a value as it is where it fits", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const whole = JSON.stringify(value);
        // commas and brackets are reckoned before it is known whether they are needed
        expect(JSON.parse(cutJson(value, bytesOf(whole) * 3 + 64))).toEqual(JSON.parse(whole));
      }),
    );
  });

  test.each([
    ["a text", "x".repeat(5000)],
    ["text that takes three bytes a character", "€".repeat(5000)],
    ["text that takes six bytes a character", "\u0001".repeat(5000)],
    ["halves of pairs", "\ud800".repeat(5000)],
    ["whole pairs", "😀".repeat(5000)],
  ])("cutJson fills most of its room with %s", (_, text) => {
    const json = cutJson(text, 1000);
    expect(bytesOf(json)).toBeWithin(900, 1001);
    expect(String(JSON.parse(json)).endsWith("…")).toBe(true);
  });

  test("cutJson keeps short members that stand behind long ones", () => {
    const result = {
      content: [
        { type: "text", text: "x".repeat(100_000) },
        { type: "text", text: "y" },
      ],
      isError: true,
      nextCursor: "abc",
    };
    const cut: unknown = JSON.parse(cutJson(result, 500));
    expect(cut).toMatchObject({
      content: [{ type: "text" }],
      isError: true,
      nextCursor: "abc",
    });
  });

  test("cutJson takes no longer for a value of a million members", () => {
    const many = Object.fromEntries(Array.from({ length: 1_000_000 }, (_, n) => [`k${n}`, n]));
    const start = performance.now();
    expect(bytesOf(cutJson(many, 1024))).toBeLessThanOrEqual(1024);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("bodyOf", () => {
  test("bodyOf keeps the exact text where there is room for it", () => {
    const raw = '{"jsonrpc":"2.0", "id":9007199254740993,"result":{"n":1.0,"n":2}}';
    expect(bodyOf(message({ raw }), 1024)).toEqual({ text: raw, isCut: false });
  });

  test("bodyOf counts bytes, not characters", () => {
    const raw = `{"jsonrpc":"2.0","method":"x","params":{"t":"${"€".repeat(300)}"}}`;
    const body = { t: "€".repeat(300) };
    const request = message({ raw, body, idText: undefined, method: "x", type: "notification" });
    expect(bodyOf(request, 1024).isCut).toBe(false);
    const cut = bodyOf(request, 900);
    expect(cut.isCut).toBe(true);
    expect(bytesOf(cut.text)).toBeLessThanOrEqual(900);
  });

  test.each([
    ["request", "params", '{"name":"get_weather"}'],
    ["response", "result", '{"isError":true}'],
    ["error", "error", '{"code":-32602}'],
  ] as const)("bodyOf cuts a %s to a message of its kind", (type, member, kept) => {
    const body = { long: "x".repeat(10_000), ...JSON.parse(kept) };
    const raw = JSON.stringify({ jsonrpc: "2.0", id: 7, [member]: body });
    const method = type === "request" ? "tools/call" : undefined;
    const cut = bodyOf(message({ type, raw, body, method, idText: "7" }), 1024);
    expect(cut.isCut).toBe(true);
    expect(bytesOf(cut.text)).toBeLessThanOrEqual(1024);
    expect(JSON.parse(cut.text)).toMatchObject({
      jsonrpc: "2.0",
      id: 7,
      [member]: JSON.parse(kept),
    });
  });

  test("bodyOf cuts a message that was not parsed, and one with an endless id, to what is left", () => {
    const raw = `{"jsonrpc":"2.0","id":"${"i".repeat(5000)}","result":[]}`;
    const idText = `"${"i".repeat(5000)}"`;
    const cut = bodyOf(message({ type: "response", raw, idText, method: undefined }), 1024);
    expect(cut).toEqual({ text: '{"jsonrpc":"2.0","result":{}}', isCut: true });
  });
});
