import { expect, test } from "bun:test";
import { buildOutputs } from "../../../src/cli/build-outputs.ts";
import { UsageError } from "../../../src/cli/errors.ts";

function refusal(name: string, text: string): { message: string; hint: string | undefined } {
  try {
    buildOutputs(new Map([[name, [text]]]), true);
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error(`--${name} ${text} was taken`);
}

test.each([
  ["sse", "http is both Streamable HTTP and the old HTTP+SSE, inside TLS as well"],
  ["HTTPS", "http is both Streamable HTTP and the old HTTP+SSE, inside TLS as well"],
  ["tcp", "overhear --help says what each option takes"],
])("buildOutputs refuses the transport %s", (text, hint) => {
  const message = `Cannot use --transport "${text}": one of stdio, http needed`;
  expect(refusal("transport", text)).toEqual({ message, hint });
});

test.each(["http://localhost:3001/mcp", "localhost/mcp", ""])(
  "buildOutputs refuses the host %j",
  (text) => {
    const message = `Cannot use --host ${JSON.stringify(text)}: a host, with or without a port, needed`;
    expect(refusal("host", text)).toEqual({ message, hint: "for example --host 'localhost:*'" });
  },
);

const texts = (...pairs: readonly (readonly [string, ...string[]])[]) =>
  new Map(pairs.map(([name, ...values]) => [name, values]));

test("buildOutputs makes a history of --db, with what is kept and how much of a message", () => {
  const plain = buildOutputs(texts(["db", "x.db"]), true);
  expect(plain.database).toEqual({
    path: "x.db",
    keepMs: undefined,
    keepBytes: undefined,
    bodyBytes: 65_536,
  });
  const all = texts(["db", "x.db"], ["db-keep", "7d", "1G"], ["db-body", "1M"]);
  expect(buildOutputs(all, true).database).toEqual({
    path: "x.db",
    keepMs: 604_800_000,
    keepBytes: 1 << 30,
    bodyBytes: 1 << 20,
  });
  expect(buildOutputs(texts(), true).database).toBeUndefined();
});

test("buildOutputs leaves a pipe alone when there is a history, as when there is a file", () => {
  expect(buildOutputs(texts(["db", "x.db"]), false).stdout).toBe("none");
  expect(buildOutputs(texts(["db", "x.db"]), true).stdout).toBe("console");
  // a command's standard output is its own
  expect(buildOutputs(texts(["db", "x.db"]), false, true).stdout).toBe("none");
});

test.each([
  ["db-keep", ["7d"], "Cannot use --db-keep: 0 databases given, 1 needed"],
  ["db-body", ["1M"], "Cannot use --db-body: 0 databases given, 1 needed"],
])("buildOutputs refuses --%s without a history", (name, values, message) => {
  expect(() => buildOutputs(new Map([[name, values]]), true)).toThrow(message);
});

test.each([
  [["7d", "8d"], "one size and one time at most"],
  [["1G", "2G"], "one size and one time at most"],
  [["30s"], "a time from 1m or a size from 16M needed"],
  [["1M"], "a time from 1m or a size from 16M needed"],
  [["100"], "a time from 1m or a size from 16M needed"],
  [["-7d"], "a time from 1m or a size from 16M needed"],
  [["7 days"], "a time from 1m or a size from 16M needed"],
])("buildOutputs refuses --db-keep %p", (values, why) => {
  const all = texts(["db", "x.db"], ["db-keep", ...values]);
  expect(() => buildOutputs(all, true)).toThrow(why);
});
