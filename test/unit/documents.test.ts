/** What the documents say that can be checked: options, links, widths, places for what was measured. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { renderHelp } from "../../src/cli/help.ts";

const ROOT = join(import.meta.dir, "../..");
const PAGES = [
  "README.md",
  "CHANGELOG.md",
  "bpf/README.md",
  "docs/README.md",
  "docs/building.md",
  "docs/capture.md",
  "docs/cli.md",
  "docs/ndjson.md",
  "docs/redaction.md",
];
/** Options of other programs that the README's commands use. */
const OTHERS = ["--unbuffered", "--line-buffered", "--preserve-env", "--privileged", "--now"];

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

test.each(["README.md", "CHANGELOG.md", "docs/capture.md", "deploy/overhear.service"])(
  "%s names only options that overhear has",
  (page) => {
    const help = ["listen", "run", "replay", "doctor"].map((each) => renderHelp(each)).join("\n");
    const known = new Set([...help.matchAll(/--[a-z-]+/g)].map(([name]) => name));
    const named = [...read(page).matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([name]) => name);
    expect(named.filter((name) => !known.has(name) && !OTHERS.includes(name))).toEqual([]);
  },
);

test("README.md shows output that fits a terminal of 80 columns", () => {
  const shown = [...read("README.md").matchAll(/```console\n([^`]+)```/g)].flatMap(
    ([, text = ""]) => text.split("\n"),
  );
  expect(shown.length).toBeGreaterThan(20);
  expect(shown.filter((line) => [...line].length > 79)).toEqual([]);
});

test.each(["bench", "kernels"])("README.md has one place for what %s measured", (name) => {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const readme = read("README.md");
  expect([readme.split(open).length, readme.split(close).length]).toEqual([2, 2]);
  expect(readme.indexOf(open)).toBeLessThan(readme.indexOf(close));
});
