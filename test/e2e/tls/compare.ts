/** What overhear wrote about servers, against the lines that are meant to be: nothing was told twice, or of others. */
import { expect } from "bun:test";
import { ends } from "../compare.ts";
import { at, type JsonObject } from "../json.ts";
import type { Heard } from "../listener.ts";

/** A line as far as it is needed to see what is wrong with it. */
function brief(line: JsonObject): string {
  const { from, to } = ends(line);
  const channel = at(line, "http_transport", "channel");
  const what = `${String(line["type"])} ${String(line["method"] ?? "")} ${JSON.stringify(line["id"])}`;
  return `${what} ${String(from)}>${String(to)} by ${String(channel)} in ${String(line["session"])}`;
}

/** No message line concerns these processes or ports, and is not one of `lines`. */
export function expectNothingElse(
  heard: Heard,
  pids: readonly number[],
  ports: readonly number[],
  lines: readonly JsonObject[],
): void {
  const known = new Set(lines);
  const others = heard.lines.filter((line) => {
    if (line["kind"] !== "message" || known.has(line)) return false;
    const { from, to } = ends(line);
    const host = String(at(line, "http_transport", "host"));
    // what curl writes into the pipe to this test is HTTP as well
    if (to === process.pid) return false;
    const isTheirs = [from, to].some((end) => typeof end === "number" && pids.includes(end));
    return isTheirs || ports.some((port) => host.endsWith(`:${port}`));
  });
  expect(others.map(brief)).toEqual([]);
}

export function callsIn(lines: readonly JsonObject[]): number {
  return lines.filter(
    (line) =>
      line["method"] === "tools/call" && line["target"] === "echo" && line["type"] === "request",
  ).length;
}
