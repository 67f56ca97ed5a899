import { expect, test } from "bun:test";
import { closeSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeStreams, namedStream, readStreams } from "../../../src/capture/standard-streams.ts";

/** struct standard_stream, three times: inode, mode, device. */
function streams(...each: readonly (readonly [bigint, number, number])[]): DataView {
  const view = new DataView(new ArrayBuffer(48));
  each.forEach(([inode, mode, device], index) => {
    view.setBigUint64(index * 16, inode, true);
    view.setUint32(index * 16 + 8, mode, true);
    view.setUint32(index * 16 + 12, device, true);
  });
  return view;
}

const device = (major: number, minor: number) => major * 2 ** 20 + minor;

test("decodeStreams tells pipes, sockets and files by their modes, and what is closed", () => {
  const view = streams([4711n, 0o010600, 0], [815n, 0o140777, 0], [0n, 0, 0]);
  expect(decodeStreams(view, 0)).toEqual([
    { kind: "pipe", inode: 4711 },
    { kind: "socket", inode: 815 },
    undefined,
  ]);
  expect(decodeStreams(streams([5n, 0o100644, 0]), 0)[0]).toEqual({ kind: "file", inode: 5 });
});

test.each([
  ["pseudoterminal", device(136, 3), "terminal"],
  ["console", device(5, 1), "terminal"],
  ["/dev/null", device(1, 3), "null"],
  ["/dev/full", device(1, 7), "other"],
] as const)("decodeStreams knows a character device: %s", (_, number, kind) => {
  expect(decodeStreams(streams([9n, 0o020620, number]), 0)[0]?.kind).toBe(kind);
});

test.each([
  ["pipe:[4711]", { kind: "pipe", inode: 4711 }],
  ["socket:[815]", { kind: "socket", inode: 815 }],
  ["/dev/pts/3", { kind: "terminal", inode: 0 }],
  ["/dev/null", { kind: "null", inode: 0 }],
  ["/var/log/server.log (deleted)", { kind: "file", inode: 0 }],
  ["/tmp/pipe:[4711]", { kind: "file", inode: 0 }],
  ["anon_inode:[eventfd]", { kind: "other", inode: 0 }],
  [undefined, undefined],
] as const)("namedStream reads what /proc calls a descriptor: %s", (name, stream) => {
  expect(namedStream(name)).toEqual(stream);
});

test("readStreams tells where a living process's streams lead, and nothing of one that is gone", async () => {
  const file = join(tmpdir(), `overhear-streams.${process.pid}`);
  const log = openSync(file, "w");
  const child = Bun.spawn(["cat"], { stdin: "pipe", stdout: log, stderr: "ignore" });
  try {
    const found = readStreams(child.pid);
    expect(found?.map((stream) => stream?.kind).slice(1)).toEqual(["file", "null"]);
    expect(["pipe", "socket"]).toContain(found?.[0]?.kind ?? "");
  } finally {
    child.stdin.end();
    closeSync(log);
    rmSync(file);
  }
  await child.exited;
  expect(readStreams(child.pid)).toBeUndefined();
});
