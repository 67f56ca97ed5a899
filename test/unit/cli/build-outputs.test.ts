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
  ["sse", "http is both Streamable HTTP and the old HTTP+SSE, in plain text"],
  ["HTTPS", "http is both Streamable HTTP and the old HTTP+SSE, in plain text"],
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
