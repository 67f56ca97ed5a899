/** What is kept is what was written by this user and nobody else, or it is nothing. */
import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CacheFolder } from "../../../../src/live/tls/cache-folder.ts";

const ROOT = mkdtempSync(join(tmpdir(), "overhear-cache."));
afterAll(() => rmSync(ROOT, { recursive: true }));
const IS_ROOT = process.geteuid?.() === 0;
const NOBODY = 65534;

let count = 0;
function fresh(): string {
  count += 1;
  return join(ROOT, String(count));
}

function open(path: string): CacheFolder {
  const folder = CacheFolder.open(path);
  if (folder === undefined) throw new Error("not opened");
  return folder;
}

/** One with an entry, and where that is. */
function filled(): { folder: CacheFolder; path: string; entry: string } {
  const path = fresh();
  const folder = open(path);
  folder.write("key-1", "what was found");
  return { folder, path, entry: join(path, "key-1.json") };
}

function folderWith(path: string, mode: number): void {
  mkdirSync(path);
  chmodSync(path, mode);
}

function linkedFolder(path: string): void {
  folderWith(`${path}.d`, 0o700);
  symlinkSync(`${path}.d`, path);
}

test("CacheFolder gives back what was written, to the next one that opens it, too", () => {
  const { folder, path } = filled();
  folder.write("key-1", "what is found now");
  folder.write("key-2", "é\n");
  expect([folder.read("key-1"), open(path).read("key-2")]).toEqual(["what is found now", "é\n"]);
  expect(folder.read("key-3")).toBe(undefined);
  expect(readdirSync(path).sort()).toEqual(["key-1.json", "key-2.json"]);
});

test("CacheFolder lets nobody else look into it", () => {
  const { path, entry } = filled();
  expect([lstatSync(path).mode & 0o777, lstatSync(entry).mode & 0o777]).toEqual([0o700, 0o600]);
});

test.each([
  ["is open to others", (path: string) => folderWith(path, 0o755)],
  ["others may write into", (path: string) => folderWith(path, 0o777)],
  ["is a file", (path: string) => writeFileSync(path, "")],
  ["is a link", (path: string) => linkedFolder(path)],
  ["has no parent", (path: string) => rmSync(path, { force: true })],
])("CacheFolder.open refuses one that %s", (what, make) => {
  const path = what === "has no parent" ? join(fresh(), "in") : fresh();
  make(path);
  expect(CacheFolder.open(path)).toBe(undefined);
});

test.skipIf(!IS_ROOT)("CacheFolder.open refuses somebody else's (skipped: no root)", () => {
  const path = fresh();
  mkdirSync(path, 0o700);
  chownSync(path, NOBODY, NOBODY);
  expect(CacheFolder.open(path)).toBe(undefined);
});

test.each([
  ["was changed", (entry: string) => writeFileSync(entry, `${readFileSync(entry, "utf8")} more`)],
  ["was cut", (entry: string) => writeFileSync(entry, readFileSync(entry).subarray(0, 70))],
  ["is empty", (entry: string) => writeFileSync(entry, "")],
  [
    "has another digest",
    (entry: string) => writeFileSync(entry, `${"0".repeat(64)}\nwhat was found`),
  ],
  ["others may read", (entry: string) => chmodSync(entry, 0o644)],
  ["others may write", (entry: string) => chmodSync(entry, 0o622)],
  ["is too long", (entry: string) => writeFileSync(entry, "x".repeat(1 << 19))],
])("CacheFolder throws an entry away that %s", (_, spoil) => {
  const { folder, path, entry } = filled();
  spoil(entry);
  expect(folder.read("key-1")).toBe(undefined);
  expect(readdirSync(path)).toEqual([]);
});

test("CacheFolder follows no link", () => {
  const { folder, path, entry } = filled();
  const other = join(path, "key-2.json");
  symlinkSync(entry, other);
  expect(folder.read("key-2")).toBe(undefined);
  folder.write("key-2", "its own");
  expect([folder.read("key-1"), folder.read("key-2")]).toEqual(["what was found", "its own"]);
});

test.skipIf(!IS_ROOT)("CacheFolder throws somebody else's entry away (skipped: no root)", () => {
  const { folder, entry } = filled();
  chownSync(entry, NOBODY, NOBODY);
  expect(folder.read("key-1")).toBe(undefined);
});

test("CacheFolder takes no key for a path", () => {
  const { folder, path } = filled();
  for (const key of ["../key-1", "a/b", "", "A", "x".repeat(300)]) {
    folder.write(key, "text");
    expect(folder.read(key)).toBe(undefined);
  }
  expect(readdirSync(path)).toEqual(["key-1.json"]);
});

test("CacheFolder holds a bounded number of entries, the newest", () => {
  const { folder, path, entry } = filled();
  utimesSync(entry, 1, 1);
  for (let i = 0; i < 1100; i++) folder.write(`more-${i}`, "");
  expect(folder.read("key-1")).toBe(undefined);
  expect(folder.read("more-1099")).toBe("");
  expect(readdirSync(path).length).toBeLessThanOrEqual(1024);
});

test("CacheFolder is a folder that nothing can be kept in when it has gone", () => {
  const { folder, path } = filled();
  rmSync(path, { recursive: true });
  folder.write("key-2", "text");
  expect(folder.read("key-2")).toBe(undefined);
});
