/** What the documents say that can be checked: options, links, widths, places for what was measured. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { renderHelp } from "../../src/cli/help.ts";
import { QUESTIONS } from "../../src/store/questions.ts";
import { STEPS } from "../../src/store/schema.ts";
import { VIEWS } from "../../src/store/views.ts";

const ROOT = join(import.meta.dir, "../..");
const PAGES = [
  "README.md",
  "CHANGELOG.md",
  "bpf/README.md",
  "docs/README.md",
  "docs/building.md",
  "docs/capture.md",
  "docs/cli.md",
  "docs/connections.md",
  "docs/console.md",
  "docs/cost.md",
  "docs/coverage.md",
  "docs/effects.md",
  "docs/history.md",
  "docs/kernels.md",
  "docs/limits.md",
  "docs/mcp-server.md",
  "docs/ndjson.md",
  "docs/recipes.md",
  "docs/redaction.md",
  "docs/tls.md",
  "docs/troubleshooting.md",
];
/** Options of other programs that the pages' commands use. */
const OTHERS = [
  "--compile",
  "--unbuffered",
  "--line-buffered",
  "--preserve-env",
  "--privileged",
  "--now",
  "--transport",
  "--header",
];

function read(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test.each(PAGES)("%s links only to what is there", (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)\s]*)\)/g)].map(([, to = ""]) => to);
  const broken = links.filter((link) => {
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : join(dirname(page), path);
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(target).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test.each([
  "README.md",
  "CHANGELOG.md",
  "docs/capture.md",
  "docs/connections.md",
  "docs/console.md",
  "docs/coverage.md",
  "docs/history.md",
  "docs/mcp-server.md",
  "docs/recipes.md",
  "docs/tls.md",
  "docs/troubleshooting.md",
  "deploy/overhear.service",
])("%s names only options that overhear has", (page) => {
  const help = COMMANDS.map(({ name }) => renderHelp(name)).join("\n");
  const known = new Set([...help.matchAll(/--[a-z-]+/g)].map(([name]) => name));
  const named = [...read(page).matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([name]) => name);
  expect(named.filter((name) => !known.has(name) && !OTHERS.includes(name))).toEqual([]);
});

test("README.md reads in two minutes", () => {
  expect(read("README.md").split("\n").length).toBeLessThanOrEqual(180);
});

test("README.md shows output that fits a terminal of 80 columns", () => {
  const shown = [...read("README.md").matchAll(/```console\n([^`]+)```/g)].flatMap(
    ([, text = ""]) => text.split("\n"),
  );
  expect(shown.length).toBeGreaterThan(20);
  expect(shown.filter((line) => [...line].length > 79)).toEqual([]);
});

test.each([
  ["bench", "docs/cost.md"],
  ["kernels", "docs/kernels.md"],
  ["coverage", "docs/coverage.md"],
])("there is one place for what %s measured: in %s", (name, path) => {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const page = read(path);
  expect([page.split(open).length, page.split(close).length]).toEqual([2, 2]);
  expect(page.indexOf(open)).toBeLessThan(page.indexOf(close));
});

test("docs/history.md names every ready query, view and table, and no others", () => {
  const page = read("docs/history.md");
  const rows = (heading: string) => {
    const [, part = ""] = page.split(`## ${heading}\n`);
    const [table = ""] = part.split("\n## ");
    const cells = [...table.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell = ""]) => cell);
    return cells
      .flatMap((cell) => [...cell.matchAll(/`(\w+)/g)].map(([, name = ""]) => name))
      .sort();
  };
  expect(rows("Ready queries")).toEqual(QUESTIONS.map(({ name }) => name).sort());
  expect(rows("Views")).toEqual(VIEWS.map(({ name }) => name).sort());
  const tables = [...STEPS.join("\n").matchAll(/CREATE TABLE (\w+)/g)].map(([, name = ""]) => name);
  expect(rows("Tables")).toEqual(tables.sort());
});
