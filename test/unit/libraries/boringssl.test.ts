/** BoringSSL without names: found by the errors that it raises, or refused with the reason. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analyse } from "../../../src/libraries/analyse.ts";
import type { Analysis, ReadAt } from "../../../src/libraries/types.ts";
import {
  type Form,
  HANDSHAKE,
  IMPL,
  makeProgram,
  type Raising,
  READ,
  SOURCE,
  WRITE,
} from "./boringssl-code.ts";
import { readerOf } from "./make-elf.ts";
import { analyseFile, run } from "./program.ts";

const ROOT = join(import.meta.dir, "../../..");
const FORMS: readonly Form[] = ["x64-mov", "x64-lea", "x64-short", "arm64", "arm64-short"];
const ALL = [HANDSHAKE, IMPL, READ, WRITE];
/** Of "ssl/ssl_lib.cc", where makeProgram puts its source's name. */
const TEXT_AT = 0x1000 + 4 + SOURCE.indexOf("ssl/ssl_lib.cc");

function analyseProgram(functions: readonly Raising[], form: Form): Analysis {
  const { file } = makeProgram(functions, form);
  return analyse(readerOf(file), file.length);
}

test.each(FORMS)("findBoringSsl tells SSL_read and SSL_write by their errors, in %s", (form) => {
  const { file, at } = makeProgram(ALL, form);
  expect(analyse(readerOf(file), file.length)).toEqual({
    buildId: undefined,
    libraries: [
      {
        stack: "boringssl",
        buildId: undefined,
        abi: "c",
        foundBy: "error-sites",
        version: undefined,
        calls: undefined,
        textAt: TEXT_AT,
        probes: [
          { function: "SSL_read", role: "read", entry: at["SSL_read"] ?? 0, returns: undefined },
          { function: "SSL_write", role: "write", entry: at["SSL_write"] ?? 0, returns: undefined },
        ],
      },
    ],
    notHeard: [],
  });
});

test.each(FORMS)("findBoringSsl tells SSL_read from SSL_peek, which does less, in %s", (form) => {
  const peek = { ...READ, name: "SSL_peek" };
  const read = { ...READ, calls: ["ssl_read_impl", "ssl_read_impl", "ssl_read_impl", "SSL_peek"] };
  // what is longer ends further on; 16 bytes more are enough
  for (const order of [
    [peek, read],
    [read, peek],
  ]) {
    const { file, at } = makeProgram([HANDSHAKE, IMPL, ...order, WRITE], form);
    const [library] = analyse(readerOf(file), file.length).libraries;
    expect(library?.probes[0]?.entry).toBe(at["SSL_read"] ?? 0);
  }
});

const TWICE = "more than one function raises the errors of SSL_write";
test.each([
  ["SSL_write twice", [...ALL, { ...WRITE, name: "again" }], TWICE],
  ["no SSL_write", [HANDSHAKE, IMPL, READ], "no function raises the errors of SSL_write"],
  [
    "an SSL_read that does not call ssl_read_impl",
    [IMPL, { ...READ, calls: [] }, WRITE],
    "no function raises the error of SSL_read and calls what it calls",
  ],
  [
    "three functions like SSL_read",
    [IMPL, READ, { ...READ, name: "b" }, { ...READ, name: "c" }, WRITE],
    "3 functions raise the error of SSL_read",
  ],
  [
    "two functions just alike",
    [IMPL, READ, { ...READ, name: "b" }, WRITE],
    "SSL_read and SSL_peek cannot be told apart",
  ],
  [
    "a start too far before the error",
    [IMPL, READ, { ...WRITE, distance: 512 }],
    "no function raises the errors of SSL_write",
  ],
])("findBoringSsl refuses %s", (_, functions, reason) => {
  for (const form of FORMS) {
    expect(analyseProgram(functions, form)).toEqual({
      buildId: undefined,
      libraries: [],
      notHeard: [{ stack: "boringssl", reason }],
    });
  }
});

const BUILD_ID = "0102030405060708090a0b0c0d0e0f1011121314";

test.each(FORMS)("analyse finds what was found in a file of the same build, in %s", (form) => {
  const { file } = makeProgram(ALL, form, { buildId: BUILD_ID });
  const like = analyse(readerOf(file), file.length);
  expect(like.buildId).toBe(BUILD_ID);
  expect(like.libraries.length).toBe(1);
  const other = Buffer.concat([file, Buffer.from("a program of its own")]);
  expect(analyse(readerOf(other), other.length, like)).toEqual(like);
});

test.each(FORMS)(
  "analyse believes nothing of a build id that the file does not show, in %s",
  (form) => {
    const { file, at } = makeProgram(ALL, form, { buildId: BUILD_ID });
    const like = analyse(readerOf(file), file.length);
    const [library] = like.libraries;
    if (library === undefined) throw new Error("nothing found");
    const forged = (change: Partial<typeof library>) => ({
      ...like,
      libraries: [{ ...library, ...change }],
    });
    const moved = (name: string, entry: number) =>
      library.probes.map((probe) => (probe.function === name ? { ...probe, entry } : probe));
    const claims = [
      forged({ textAt: (library.textAt ?? 0) + 1 }),
      forged({ textAt: undefined }),
      forged({ probes: moved("SSL_read", at["SSL_do_handshake"] ?? 0) }),
      forged({ probes: moved("SSL_read", (at["SSL_read"] ?? 0) + 16) }),
      forged({ probes: moved("SSL_write", (at["SSL_write"] ?? 0) + 4) }),
      forged({ probes: [] }),
      { ...like, buildId: undefined },
      { ...like, libraries: [] },
    ];
    for (const claim of claims) expect(analyse(readerOf(file), file.length, claim)).toEqual(like);
  },
);

test("findBoringSsl says that nothing in the code raises errors", () => {
  const { file } = makeProgram([], "x64-mov");
  expect(analyse(readerOf(file), file.length).notHeard).toEqual([
    { stack: "boringssl", reason: "none of the places where it raises errors was found" },
  ]);
});

/** Of the pinned Bun: build id, SSL_read, SSL_write; heard live at these places (x64), told by objdump (arm64). */
const BUN = ["b5188e4f", 0x237e500, 0x23ffc30] as const;
const BUN_ARM64 = ["5083bf9e", 0x2125500, 0x21a07c0] as const;

function summary(path: string): unknown[] {
  const { buildId, libraries } = analyseFile(path);
  return [
    buildId?.slice(0, 8),
    ...libraries.flatMap((one) => one.probes.map(({ entry }) => entry)),
  ];
}

test("analyse finds SSL_read and SSL_write in the stripped Bun that runs this", () => {
  expect(summary(process.execPath)).toEqual([...BUN]);
});

test("analyse reads little of a program of the same build", () => {
  const file = readFileSync(process.execPath);
  const like = analyse(readerOf(file), file.length);
  let bytes = 0;
  const counting: ReadAt = (into, at) => {
    const count = readerOf(file)(into, at);
    bytes += count;
    return count;
  };
  expect(analyse(counting, file.length, like)).toEqual(like);
  expect(bytes).toBeLessThan(file.length / 20);
});

test("analyse finds the same places in a program that Bun compiled", () => {
  const folder = mkdtempSync(join(tmpdir(), "libraries-"));
  try {
    writeFileSync(join(folder, "in.ts"), "await fetch('https://localhost');");
    const out = join(folder, "out");
    run(process.execPath, "build", "--compile", join(folder, "in.ts"), "--outfile", out);
    expect(summary(out)).toEqual([...BUN]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const ARM64 = join(ROOT, "dist/overhear-linux-arm64");
test.skipIf(!existsSync(ARM64))("analyse finds them in Bun for arm64 (make build-arm64)", () => {
  expect(summary(ARM64)).toEqual([...BUN_ARM64]);
});
