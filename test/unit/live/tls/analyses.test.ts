/** Open files analysed: large ones once, and anew when they are others. */
import { afterAll, expect, test } from "bun:test";
import { appendFileSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Analyses } from "../../../../src/live/tls/analyses.ts";
import { HANDSHAKE, IMPL, makeProgram, READ, WRITE } from "../../libraries/boringssl-code.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "overhear-analyses."));
afterAll(() => rmSync(FOLDER, { recursive: true }));

/** Files of this size are kept. */
const LARGE = 1 << 20;
const MADE = makeProgram([HANDSHAKE, IMPL, READ, WRITE], "x64-mov", {
  buildId: "00112233445566778899",
});

/** Instead of a folder. */
class Kept {
  readonly texts = new Map<string, string>();
  read(key: string): string | undefined {
    return this.texts.get(key);
  }
  write(key: string, text: string): void {
    this.texts.set(key, text);
  }
  get kinds(): string[] {
    return [...this.texts.keys()].map((key) => key.replace(/-.*/, "")).sort();
  }
}

let count = 0;
function programOf(bytes: number, tail = ""): string {
  count += 1;
  const path = join(FOLDER, `program-${count}`);
  writeFileSync(path, Buffer.concat([MADE.file, Buffer.alloc(bytes - MADE.file.length)]));
  appendFileSync(path, tail);
  return path;
}

function look(analyses: Analyses, path: string): unknown[] {
  const fd = openSync(path, "r");
  try {
    const { isKept, libraries } = analyses.of(fd);
    return [isKept, ...libraries.flatMap(({ probes }) => probes.map(({ entry }) => entry))];
  } finally {
    closeSync(fd);
  }
}

const FOUND = [MADE.at["SSL_read"], MADE.at["SSL_write"]];

test("Analyses looks through a large file once, in other runs, too", () => {
  const kept = new Kept();
  const path = programOf(LARGE);
  expect(look(new Analyses(kept), path)).toEqual([false, ...FOUND]);
  expect(look(new Analyses(kept), path)).toEqual([true, ...FOUND]);
  expect(kept.kinds).toEqual(["build", "file"]);
});

test("Analyses keeps nothing of a small file", () => {
  const kept = new Kept();
  expect(look(new Analyses(kept), programOf(MADE.file.length))).toEqual([false, ...FOUND]);
  expect(kept.kinds).toEqual([]);
});

test("Analyses looks again when the file was changed", () => {
  const kept = new Kept();
  const analyses = new Analyses(kept);
  const path = programOf(LARGE);
  look(analyses, path);
  appendFileSync(path, "more");
  expect(look(analyses, path)).toEqual([false, ...FOUND]);
});

test("Analyses looks again when what was kept is not what it wrote", () => {
  const kept = new Kept();
  const path = programOf(LARGE);
  look(new Analyses(kept), path);
  for (const [key, text] of kept.texts) kept.texts.set(key, text.replace("SSL_read", "["));
  const [key = ""] = [...kept.texts.keys()].filter((each) => each.startsWith("file"));
  kept.texts.set(key, "{}");
  expect(look(new Analyses(kept), path)).toEqual([false, ...FOUND]);
});

test("Analyses works without a folder", () => {
  const path = programOf(LARGE);
  expect(look(new Analyses(undefined), path)).toEqual([false, ...FOUND]);
});

test("Analyses believes no build id: a file that is another one is looked through", () => {
  const kept = new Kept();
  const analyses = new Analyses(kept);
  look(analyses, programOf(LARGE));
  const other = makeProgram([IMPL, READ, { ...HANDSHAKE, errors: [[66, 100]] }, WRITE], "x64-mov", {
    buildId: "00112233445566778899",
  });
  const path = join(FOLDER, "forged");
  writeFileSync(path, Buffer.concat([other.file, Buffer.alloc(LARGE)]));
  expect(look(analyses, path)).toEqual([false, other.at["SSL_read"], other.at["SSL_write"]]);
});

test("Analyses finds nothing in what is no program", () => {
  const kept = new Kept();
  const path = join(FOLDER, "text");
  writeFileSync(path, "x".repeat(LARGE));
  expect(look(new Analyses(kept), path)).toEqual([false]);
  expect(look(new Analyses(kept), path)).toEqual([true]);
});
