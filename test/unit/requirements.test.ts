/** Every promise is held by a test, and no test names one that is not made. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REQUIREMENTS } from "../requirements.ts";

const TESTS = join(import.meta.dir, "..");

/** Ids in brackets at the end of titles. */
function cited(): Set<string> {
  const ids = new Set<string>();
  for (const file of new Bun.Glob("{unit,kernel,e2e,conformance}/**/*.test.ts").scanSync(TESTS)) {
    if (file.includes("node_modules")) continue;
    const text = readFileSync(join(TESTS, file), "utf8");
    for (const [, id = ""] of text.matchAll(/ \[([a-z0-9]+\/[a-z0-9-]+)\]["`]/g)) ids.add(id);
  }
  return ids;
}

test("each requirement is cited by a test, and each citation is a requirement", () => {
  expect([...cited()].sort()).toEqual(Object.keys(REQUIREMENTS).sort());
});
