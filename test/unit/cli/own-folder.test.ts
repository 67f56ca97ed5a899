import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { makeOwnFolder } from "../../../src/cli/own-folder.ts";
import { TemporaryFolder } from "../sinks/temporary-folder.ts";

/** Above pid_max. */
const GONE = 4_194_305;

test("makeOwnFolder makes a private folder, and removes those of processes that are gone", () => {
  using parent = new TemporaryFolder();
  mkdirSync(parent.at(`overhear-mcp-${GONE}-abcdef`));
  writeFileSync(parent.at(`overhear-mcp-${GONE}-abcdef/history.db`), "");
  mkdirSync(parent.at("overhear-mcp-1-abcdef"));
  mkdirSync(parent.at(`overhear-mcp-${GONE}-abcdefg`));
  writeFileSync(parent.at(`overhear-mcp-${GONE}-file00`), "");
  mkdirSync(parent.at("elsewhere"));
  symlinkSync(parent.at("elsewhere"), parent.at(`overhear-mcp-${GONE}-link00`));
  const made = makeOwnFolder(parent.path);
  expect(statSync(made).mode & 0o777).toBe(0o700);
  expect(readdirSync(parent.path).sort()).toEqual(
    [
      basename(made),
      "elsewhere",
      "overhear-mcp-1-abcdef",
      `overhear-mcp-${GONE}-abcdefg`,
      `overhear-mcp-${GONE}-file00`,
      `overhear-mcp-${GONE}-link00`,
    ].sort(),
  );
});
