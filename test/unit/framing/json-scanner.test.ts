import { expect, test } from "bun:test";
import fc from "fast-check";
import { JsonScanner } from "../../../src/framing/lines/json-scanner.ts";

function scan(text: string): [string, number] {
  const bytes = Buffer.from(text);
  const scanner = new JsonScanner(0);
  return [scanner.scan(bytes, bytes.length), scanner.at];
}

test.each([
  ["{}", "whole", 2],
  ["[]  x", "whole", 2],
  ['{"a":{"b":[1,-2.5e3,true,false,null,"]}"]}}', "whole", 43],
  ['{"a":"\\\\"}', "whole", 10],
  ['{"a":"\\""', "open", 9],
  ['{\n  "a": [\n', "open", 11],
  ['{"a":NaN,"b":-Infinity}', "whole", 23],
  ["[INFO] ready", "broken", 5],
  ["[2026-11-29 12:00:00] ready", "broken", 11],
  ["[2026", "open", 5],
  ["{'a': 1}", "broken", 1],
  ["{a: 1}", "broken", 1],
  ["[1,]", "broken", 3],
  ['{"a":1,}', "broken", 7],
  ['{"a" 1}', "broken", 5],
  ['{"a":1]', "broken", 6],
  ['{"a"}', "broken", 4],
  ["[[[", "open", 3],
])("JsonScanner reads %j as %s", (text, state, at) => {
  const [found, where] = scan(text);
  expect([found, found === "broken" ? at : where]).toEqual([state, at]);
});

test("JsonScanner breaks at a line end inside a string", () => {
  expect(scan('{"a":"b\n')[0]).toBe("broken");
});

test("JsonScanner takes no more than 10,000 levels", () => {
  expect(scan("[".repeat(10_000))[0]).toBe("open");
  expect(scan("[".repeat(10_001))[0]).toBe("broken");
});

test("JsonScanner finds the end of any object or array, however it is cut", () => {
  const value = fc.jsonValue().filter((each) => typeof each === "object" && each !== null);
  fc.assert(
    fc.property(value, fc.array(fc.nat(), { maxLength: 10 }), fc.nat(4), (each, places, indent) => {
      const text = Buffer.from(JSON.stringify(each, null, indent));
      const bytes = Buffer.concat([text, Buffer.from("x")]);
      const scanner = new JsonScanner(0);
      for (const place of places.map((n) => n % text.length).sort((a, b) => a - b)) {
        expect(scanner.scan(bytes.subarray(0, place), place)).toBe("open");
      }
      expect([scanner.scan(bytes, bytes.length), scanner.at]).toEqual(["whole", text.length]);
    }),
  );
});
