import { expect, test } from "bun:test";
import { renderVersion, VERSION } from "../../../src/cli/version.ts";

test("renderVersion tells the tool's version first, then what it was made of", () => {
  const [first, ...rest] = renderVersion().trimEnd().split("\n");
  expect(first).toMatch(/^overhear \d+\.\d+\.\d+$/);
  expect(rest).toEqual(["commit none, run from sources", `bun ${Bun.version}`]);
});

test("VERSION is that of package.json", async () => {
  const manifest: unknown = await Bun.file(`${import.meta.dir}/../../../package.json`).json();
  expect(Reflect.get(Object(manifest), "version")).toBe(VERSION);
});
