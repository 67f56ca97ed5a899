import { expect, test } from "bun:test";
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { filesOfCommand, knownFiles } from "../../../../src/live/tls/known-places.ts";
import { mappedFiles } from "../../../../src/live/tls/mapped-files.ts";

const OWN = realpathSync(process.execPath);

test("mappedFiles names each file that a process runs once, and a way to open it", () => {
  const files = mappedFiles(process.pid);
  const own = files.filter(({ name }) => name === OWN);
  expect(own.length).toBe(1);
  expect(new Set(files.map(({ key }) => key)).size).toBe(files.length);
  const [file] = own;
  expect(file?.path).toMatch(/^\/proc\/\d+\/map_files\/[0-9a-f]+-[0-9a-f]+$/);
});

test.skipIf(process.getuid?.() !== 0)(
  "mappedFiles opens the file itself (skipped: no root)",
  () => {
    const file = mappedFiles(process.pid).find(({ name }) => name === OWN);
    const [mapped, named] = [file?.path ?? "", OWN].map((path) => {
      const fd = openSync(path, "r");
      const { ino, size } = fstatSync(fd);
      closeSync(fd);
      return { ino, size };
    });
    expect(mapped).toEqual(named ?? { ino: 0, size: 0 });
  },
);

test("mappedFiles gives nothing of a process that is gone", () => {
  expect(mappedFiles(2 ** 22 + 1)).toEqual([]);
});

test("filesOfCommand gives the same key as the file's own mapping has", () => {
  const [file] = filesOfCommand(OWN);
  const mapped = mappedFiles(process.pid).find(({ name }) => name === OWN);
  expect(file?.key).toBe(mapped?.key ?? "");
});

test("filesOfCommand follows a script to what interprets it", () => {
  const script = `/tmp/overhear-script-${process.pid}`;
  for (const line of [`#!${OWN}`, "#!/usr/bin/env sh", "#! /bin/sh -e"]) {
    Bun.spawnSync(["sh", "-c", `printf '%s\\n' '${line}' > ${script}`]);
    const [file] = filesOfCommand(script);
    const wanted = line.includes(OWN) ? OWN : realpathSync("/bin/sh");
    expect(file?.name).toBe(wanted);
  }
  Bun.spawnSync(["rm", script]);
});

test("filesOfCommand gives nothing of what does not exist", () => {
  expect(filesOfCommand("no-such-command-anywhere")).toEqual([]);
  expect(filesOfCommand("/no/such/file")).toEqual([]);
});

test("knownFiles knows the places where users' programs are", () => {
  const home = mkdtempSync(join(tmpdir(), "overhear-home."));
  const made = [
    ".bun/bin/bun",
    ".local/share/claude/versions/2.1.3",
    ".nvm/versions/node/v24.1.0/bin/node",
    ".nvm/versions/node/v24.1.0/lib/node_modules/@a/cli/node_modules/@a/cli-linux-x64/cli",
    ".local/share/uv/python/cpython-3.13-linux/bin/python3.13",
    "miniconda3/envs/one/lib/libssl.so.3",
  ];
  const others = [".nvm/versions/node/v24.1.0/bin/npm", ".bun/bin/other", "bin/node"];
  for (const [i, file] of [...made, ...others].entries()) {
    mkdirSync(dirname(join(home, file)), { recursive: true });
    writeFileSync(join(home, file), String(i));
  }
  const found = knownFiles([home]).flatMap(({ name }) =>
    name.startsWith(realpathSync(home)) ? [relative(realpathSync(home), name)] : [],
  );
  rmSync(home, { recursive: true });
  expect(found.sort()).toEqual(made.sort());
});

test("knownFiles gives files that exist, by their real names", () => {
  for (const { name, path, key } of knownFiles()) {
    expect([name, path]).toEqual([realpathSync(name), name]);
    expect(key).toMatch(/^[0-9a-f]{2,}:[0-9a-f]{2,}:\d+$/);
    expect(readFileSync(path).length).toBeGreaterThan(0);
  }
});
