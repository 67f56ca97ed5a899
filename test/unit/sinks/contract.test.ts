import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assertNdjson } from "./validate.ts";

const docs = join(import.meta.dir, "../../../docs");
const page = readFileSync(join(docs, "ndjson.md"), "utf8");
const schema = readFileSync(join(docs, "ndjson.schema.json"), "utf8");

/** The names under every "properties", and the words of every "enum". */
function namesIn(json: string): Set<string> {
  const names = new Set<string>();
  JSON.parse(json, (key, value: unknown) => {
    if (key === "properties") for (const name of Object.keys(Object(value))) names.add(name);
    if (key === "enum" && Array.isArray(value)) for (const word of value) names.add(String(word));
    return value;
  });
  return names;
}

/** The lines of all ```json blocks. */
function examples(): string[] {
  return [...page.matchAll(/```json\n([\s\S]*?)```/g)].flatMap(([, block = ""]) =>
    block.split("\n").filter((line) => line !== ""),
  );
}

describe("docs/ndjson.md", () => {
  test("docs/ndjson.md names every field and word of the schema", () => {
    const missing = [...namesIn(schema)].filter(
      (name) => !new RegExp(`[\`.]"?${name}"?\``).test(page),
    );
    expect(missing).toEqual([]);
  });

  test("docs/ndjson.md shows an example of every kind, valid against the schema [output/contract]", () => {
    const kinds = assertNdjson(examples()).map((line) => line["kind"]);
    expect(new Set(kinds)).toEqual(
      new Set([
        "message",
        "session",
        "call",
        "waiting",
        "effect",
        "noise",
        "http",
        "connection",
        "loss",
        "coverage",
        "summary",
      ]),
    );
  });

  test("assertNdjson refuses unknown fields, missing ones, wrong types and control characters", () => {
    const [message = ""] = examples();
    for (const bad of [
      message.replace('"seq"', '"seqq"'),
      message.replace(',"bytes":107', ""),
      message.replace('"seq":7', '"seq":"7"'),
      message.replace("789012Z", "789Z"),
      message.replace('"kind":"message"', '"kind":"other"'),
      message.replace("Oslo", "\u009b31m"),
      `${message}{}`,
    ]) {
      expect(bad).not.toBe(message);
      expect(() => assertNdjson([bad])).toThrow();
    }
  });
});
