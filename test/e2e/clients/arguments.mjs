/**
 * The command line that all clients share:
 *   client [--log FILE] [--mode legacy|auto|modern] [--directory DIR] [--wait FILE] [--name NAME] -- SERVER…
 *   client … --url URL [--sse]
 */
import { parseArgs } from "node:util";
import { recordChildren } from "../truth.mjs";

export function clientArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      log: { type: "string" },
      mode: { type: "string", default: "legacy" },
      directory: { type: "string", default: "/usr/share" },
      wait: { type: "string" },
      name: { type: "string" },
      url: { type: "string" },
      sse: { type: "boolean", default: false },
    },
  });
  if (values.log !== undefined) recordChildren(values.log);
  const [command, ...args] = positionals;
  return {
    mode: values.mode,
    name: values.name,
    /** The transport that was asked for, of these classes of an SDK. */
    transport: ({ Stdio, StreamableHttp, Sse }) => {
      if (values.url === undefined) return new Stdio({ command, args, env: process.env, stderr: "inherit" });
      return values.sse ? new Sse(new URL(values.url)) : new StreamableHttp(new URL(values.url));
    },
    /** Ends this process now: fetch keeps idle connections for seconds, and the process with them. */
    leave: () => values.url !== undefined && process.exit(0),
    options: {
      directory: values.directory,
      waitFile: values.wait,
      say: (step) => process.stderr.write(`client: ${step}\n`),
    },
  };
}

/** What the client answers when a server asks: fixed, so that a test knows it. */
export const ANSWERS = {
  sampling: { role: "assistant", model: "test-model", content: { type: "text", text: "blue" } },
  elicitation: { action: "accept", content: { name: "Ada", color: "blue" } },
  roots: { roots: [{ uri: "file:///usr/share", name: "share" }] },
};

/** Counts what the server asked for. */
export function askCounter() {
  const counts = new Map();
  return {
    answer: (step) => {
      counts.set(step, (counts.get(step) ?? 0) + 1);
      return ANSWERS[step];
    },
    asked: (step) => counts.get(step) ?? 0,
  };
}
