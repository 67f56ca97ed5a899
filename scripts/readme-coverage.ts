/**
 * Writes into README.md, between its coverage markers, what the tests of test/e2e/tls have shown to be heard:
 * build/test/coverage.jsonl, which `make test` leaves.
 */
import { join } from "node:path";
import { type JsonObject, parseObject, textAt } from "../test/e2e/json.ts";

const ROOT = join(import.meta.dir, "..");
const README = join(ROOT, "README.md");
const [OPEN, CLOSE] = ["<!-- coverage -->", "<!-- /coverage -->"];
const ROLES = ["client", "server"] as const;
const TRANSPORTS = ["HTTP/1.1", "HTTP/2"];

const shown = (await Bun.file(join(ROOT, "build/test/coverage.jsonl")).text())
  .split("\n")
  .filter((line) => line !== "")
  .map(parseObject);
const readme = await Bun.file(README).text();
const [from, to] = [readme.indexOf(OPEN), readme.indexOf(CLOSE)];
if (from < 0 || to < from) throw new Error(`README.md has no "${OPEN}" before "${CLOSE}"`);
const table = renderTable(shown);
await Bun.write(README, `${readme.slice(0, from + OPEN.length)}\n${table}\n${readme.slice(to)}`);

/** A row for each runtime and stack; in its cells, as what it was heard and where. */
function renderTable(lines: readonly JsonObject[]): string {
  const key = (line: JsonObject) => `${textAt(line, "runtime")} | ${textAt(line, "stack")}`;
  const rows = [...new Set(lines.map(key))].sort();
  const transports = TRANSPORTS.filter((one) => lines.some((line) => line["transport"] === one));
  const kernels = [...new Set(lines.map((line) => textAt(line, "kernel")))].sort();
  const cell = (row: string, transport: string) => {
    const own = lines.filter((line) => key(line) === row && line["transport"] === transport);
    const roles = ROLES.filter((role) => own.some((line) => line["role"] === role));
    return roles.length === 0 ? "" : `heard as ${roles.join(" and ")}`;
  };
  const head = ["program", "what encrypts", ...transports.map((each) => `${each} inside TLS`)];
  return [
    `As tested on Linux ${kernels.join(", ")}:`,
    "",
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---|").join("")}`,
    ...rows.map((row) => `| ${[row, ...transports.map((each) => cell(row, each))].join(" | ")} |`),
  ].join("\n");
}
