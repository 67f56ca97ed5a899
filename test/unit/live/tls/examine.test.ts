/** Real files and processes examined. */
import { expect, test } from "bun:test";
import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { examine } from "../../../../src/live/tls/examine.ts";

const OWN = realpathSync(process.execPath);
const IS_ROOT = process.geteuid?.() === 0;

test("examine finds BoringSSL in Bun's file, and how", () => {
  const { files } = examine({ file: process.execPath });
  expect(files.length).toBe(1);
  expect(files[0]).toMatchObject({
    file: OWN,
    stacks: [
      {
        stack: "boringssl",
        hearing: { kind: "heard" },
        foundBy: "error-sites",
        functions: ["SSL_read", "SSL_write"],
      },
    ],
  });
});

test.skipIf(!IS_ROOT)(
  "examine finds it in this process, among what has none (skipped: no root)",
  () => {
    const { files, otherFiles, unread } = examine({ pid: process.pid });
    expect(files.map(({ file }) => file)).toEqual([OWN]);
    expect(otherFiles).toBeGreaterThan(1);
    expect(unread).toEqual([]);
  },
);

test.each([
  [{ pid: 2 ** 22 + 1 }, "Cannot look at process 4194305: no such file or directory (ENOENT)"],
  [{ file: "/no/such" }, 'Cannot look at "/no/such": there is no such file'],
  [{ file: "/proc" }, 'Cannot look at "/proc": it is no program and no library'],
])("examine says that there is no %p", (program, message) => {
  expect(() => examine(program)).toThrow(message);
});

test("examine takes a name that is no command's for a file in this folder", () => {
  const here = process.cwd();
  process.chdir(dirname(OWN));
  try {
    const { files } = examine({ file: basename(OWN) });
    expect(files.map(({ file }) => file)).toEqual([OWN]);
  } finally {
    process.chdir(here);
  }
});

test.skipIf(!IS_ROOT)(
  "examine says that a thread of the kernel maps nothing (skipped: no root)",
  () => {
    expect(() => examine({ pid: 2 })).toThrow("Cannot look at process 2: 0 files mapped");
  },
);
