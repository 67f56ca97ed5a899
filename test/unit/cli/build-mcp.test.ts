import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildCommand } from "../../../src/cli/build-command.ts";
import { UsageError } from "../../../src/cli/errors.ts";
import { readToken } from "../../../src/cli/read-token.ts";
import type { McpOptions } from "../../../src/cli/types.ts";
import { TemporaryFolder } from "../sinks/temporary-folder.ts";

function build(...argv: string[]): McpOptions {
  const command = buildCommand(["mcp", ...argv], { stdoutIsTerminal: false });
  if (command.kind !== "mcp") throw new Error(`built ${command.kind}`);
  return command.options;
}

function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (error instanceof UsageError) return `${error.message} | ${error.hint}`;
    throw error;
  }
  throw new Error("was not refused");
}

describe("overhear mcp", () => {
  test("without options hears the host, masks secrets, and writes nothing to standard output itself", () => {
    const options = build();
    expect(options).toMatchObject({ db: undefined, http: undefined, redact: true });
    expect(options.capture.outputs).toMatchObject({ stdout: "none", files: [] });
  });

  test.each([
    ["127.0.0.1:8080", "127.0.0.1", 8080],
    [":8080", "127.0.0.1", 8080],
    ["localhost:0", "localhost", 0],
    ["[::1]:65535", "::1", 65_535],
    ["127.8.9.10:1", "127.8.9.10", 1],
  ])("--listen %s is %s and %d", (text, hostname, port) => {
    expect(build("--listen", text).http).toEqual({ hostname, port });
  });

  test.each(["8080", "127.0.0.1", "127.0.0.1:65536", "::1:8080", "a b:1", "http://x:1", "[::1]"])(
    "--listen %p is refused",
    (text) => {
      expect(refusal(() => build("--listen", text))).toContain("an address with a port needed");
    },
  );

  test.each([
    "0.0.0.0:8080",
    "[::]:8080",
    "192.168.1.5:1",
    "example.com:80",
    "127.0.0.1.example.com:80",
  ])("--listen %s is refused without a token, and taken with one", (text) => {
    expect(refusal(() => build("--listen", text))).toContain("add --token-file FILE");
    expect(build("--listen", text, "--token-file", "/x").tokenFile).toBe("/x");
  });

  test.each([
    [["--token-file", "/x"], "nothing is served over HTTP"],
    [["--db", "x.db", "--pid", "1"], "nothing is heard, only read"],
    [["--db", "x.db", "--ring", "1M"], "nothing is heard, only read"],
    [["x.db"], "no arguments needed"],
    [["--redact"], "it belongs to"],
  ])("%p is refused", (argv, words) => {
    expect(refusal(() => build(...argv))).toContain(words);
  });
});

describe("readToken", () => {
  test("reads one line", () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "token");
    writeFileSync(path, "0123456789abcdef\n", { mode: 0o600 });
    expect(readToken(path)).toBe("0123456789abcdef");
  });

  test.each([
    ["a short one", "short", 0o600, "5 characters, 16 needed"],
    ["an empty one", "", 0o600, "0 characters, 16 needed"],
    ["two words", "0123456789abcdef two", 0o600, "more than one word"],
    ["two lines", "0123456789abcdef\nsecond line", 0o600, "more than one word"],
    ["what is no ASCII", "0123456789abcdéf", 0o600, "more than one word"],
    ["what others may read", "0123456789abcdef", 0o644, "others may read it"],
    ["a long one", "x".repeat(5000), 0o600, "is too long"],
  ])("refuses %s", (_, text, mode, words) => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "token");
    writeFileSync(path, text);
    chmodSync(path, mode);
    expect(refusal(() => readToken(path))).toContain(words);
  });

  test("refuses what is no file", () => {
    using folder = new TemporaryFolder();
    expect(refusal(() => readToken(folder.path))).toContain("is no regular file");
    expect(refusal(() => readToken(join(folder.path, "none")))).toContain("no such file");
  });
});
