/** Go's crypto/tls, found by Go's own table of functions, and every place at which it returns. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analyse } from "../../../src/libraries/analyse.ts";
import { findReturns } from "../../../src/libraries/go/returns.ts";
import type { Analysis, Library } from "../../../src/libraries/types.ts";
import { type GoFunctionOf, type GoOptions, makeGo } from "./go-program.ts";
import { BASE, makeSymbols, readerOf } from "./make-elf.ts";
import { analyseFile, offsetByBinutils, run } from "./program.ts";

const READ = "crypto/tls.(*Conn).Read";
const WRITE = "crypto/tls.(*Conn).Write";

/** cmp rsp, [r14 + 16]; jbe; mov eax, 0xc3c3c3c3; test; je; ret; xor; ret. */
const X64 = Buffer.from("493b6610760eb8c3c3c3c385c07401c331c0c3", "hex");
const RETURNS = [15, 18];
/** mov rcx, fs:[-8] before it: Go 1.16. */
const STACK = Buffer.concat([Buffer.from("64488b0c25f8ffffff", "hex"), X64.subarray(4)]);

function arm64(...words: readonly number[]): Buffer {
  const code = Buffer.alloc(words.length * 4);
  for (const [i, word] of words.entries()) code.writeUInt32LE(word, i * 4);
  return code;
}

/** ldr x16, [x28, #16]; cbz; ret; nop; ret. */
const ARM64 = arm64(0xf9400b90, 0xb4000040, 0xd65f03c0, 0xd503201f, 0xd65f03c0);

/** Of different sizes, as no two distances between them are the same in a program. */
function functionsOf(code: Buffer): GoFunctionOf[] {
  const padding = code.readUInt32LE(0) === 0xf9400b90 ? 0 : 0xcc;
  return ["main.main", WRITE, "main.a", READ, "main.b"].map((name, i) => ({
    name,
    code: Buffer.concat([code, Buffer.alloc(32 * i * i, padding)]),
  }));
}

function analyseGo(functions: readonly GoFunctionOf[], options: GoOptions = {}): Analysis {
  const { file } = makeGo(functions, options);
  return analyse(readerOf(file), file.length);
}

function placesOf({ libraries }: Analysis): unknown {
  return libraries.map(({ stack, abi, version, probes }) => ({
    stack,
    abi,
    version,
    probes: probes.map(({ function: name, entry, returns }) => [name, entry, returns]),
  }));
}

const text = { name: ".go.module", at: 0xa000, bytes: Buffer.alloc(256), mapped: "rw" } as const;
text.bytes.writeBigUInt64LE(BigInt(BASE + 0x1000 + 0x140), 176);

test.each([
  ["Go 1.20 and later", {}, X64, "go-register", RETURNS],
  ["Go 1.18", { since: 18 }, X64, "go-register", RETURNS],
  ["Go 1.17", { since: 16 }, X64, "go-register", RETURNS],
  ["Go 1.16", { since: 16 }, STACK, "go-stack", RETURNS.map((at) => at + 5)],
  ["arm64", { machine: 183 }, ARM64, "go-register", [8, 16]],
  ["arm64, Go 1.17", { machine: 183, since: 16 }, ARM64, "go-stack", [8, 16]],
  ["C code before, which the table tells", { before: 0x140 }, X64, "go-register", RETURNS],
  [
    "C code before, which the module tells",
    { before: 0x140, tells: false, extra: [text] },
    X64,
    "go-register",
    RETURNS,
  ],
  [
    "C code before, which nothing tells",
    { before: 0x140, tells: false, section: undefined },
    X64,
    "go-register",
    RETURNS,
  ],
  ["a table in a section of C's", { section: undefined }, X64, "go-register", RETURNS],
  ["a table to be relocated", { section: ".data.rel.ro.gopclntab" }, X64, "go-register", RETURNS],
] satisfies [string, GoOptions, Buffer, string, number[]][])(
  "findGo tells Read and Write and their returns, with %s",
  (_, options, code, abi, returns) => {
    const { file, at } = makeGo(functionsOf(code), options);
    const probe = (name: string) => {
      const entry = at[name] ?? 0;
      return [name, entry, returns.map((one) => entry + one)];
    };
    expect(placesOf(analyse(readerOf(file), file.length))).toEqual([
      { stack: "go", abi, version: "go1.26.8", probes: [probe(READ), probe(WRITE)] },
    ]);
  },
);

test("findGo takes where the text begins from a symbol", () => {
  const functions = functionsOf(X64);
  const options = { before: 0x140, tells: false } as const;
  const { at } = makeGo(functions, options);
  const symbols = makeSymbols([{ name: READ, at: at[READ] ?? 0 }], {
    at: 0xb000,
    names: 5,
    type: 2,
  });
  const [library] = analyseGo(functions, { ...options, extra: symbols }).libraries;
  expect(library?.probes.map(({ entry }) => entry)).toEqual([at[READ] ?? 0, at[WRITE] ?? 0]);
});

/** jmp out of the function. */
const JUMPS = Buffer.concat([X64.subarray(0, 16), Buffer.from("e900100000", "hex")]);
test.each([
  ["without TLS", functionsOf(X64).filter(({ name }) => name.startsWith("main")), undefined],
  ["without Write", functionsOf(X64).filter(({ name }) => name !== WRITE), `it has no ${WRITE}`],
  ["whose Read jumps away", functionsOf(JUMPS), `${READ}: it ends in a jump elsewhere`],
  [
    "of an unknown instruction",
    functionsOf(Buffer.concat([X64.subarray(0, 16), Buffer.from("06c3", "hex")])),
    `${READ}: an instruction of it is not known`,
  ],
  [
    "that never returns",
    functionsOf(Buffer.concat([X64.subarray(0, 15), Buffer.from("90ebfe", "hex")])),
    `${READ}: it has no return instruction`,
  ],
  ["of other code", functionsOf(Buffer.alloc(32, 0x90)), "where its code begins is not sure"],
] satisfies [string, GoFunctionOf[], string | undefined][])(
  "findGo refuses a program %s",
  (_, functions, reason) => {
    expect(analyseGo(functions)).toEqual({
      buildId: undefined,
      libraries: [],
      notHeard: reason === undefined ? [] : [{ stack: "go", reason }],
    });
  },
);

test("findGo refuses a table of another format", () => {
  const { file } = makeGo(functionsOf(X64));
  file.writeUInt32LE(0xfffffffb, 0x6000);
  const reason = "its table of functions is missing or of another format";
  expect(analyse(readerOf(file), file.length).notHeard).toEqual([{ stack: "go", reason }]);
});

test.each([
  ["ff2485000010 00".replace(" ", ""), "a table of jumps"],
  ["ffe0", "a register"],
])("findReturns takes a jump through %s for a switch (%s)", (jump) => {
  const code = Buffer.concat([X64, Buffer.from(jump, "hex")]);
  // jmp [rax * 4 + n] has no register as base: no Go switch
  expect(findReturns("x64", code)).toEqual(
    jump === "ffe0" ? RETURNS : "it ends in a jump elsewhere",
  );
});

const GO = Bun.which("go") ?? "";

/** Of the function that begins at an address: each `ret` that objdump shows, as a byte of the file. */
function returnsByObjdump(path: string, name: string): number[] {
  const output = run("objdump", "-d", "-w", "--no-show-raw-insn", `--disassemble=${name}`, path);
  const entry = offsetByBinutils(path, name, false) ?? 0;
  const lines = [...output.matchAll(/^ *([0-9a-f]+):\s+(\S+)/gm)];
  const first = Number.parseInt(lines[0]?.[1] ?? "", 16);
  return lines
    .filter(([, , mnemonic]) => mnemonic === "ret" || mnemonic === "retq")
    .map(([, at = ""]) => Number.parseInt(at, 16) - first + entry);
}

test.skipIf(GO === "")("analyse agrees with objdump on Go's own command, stripped too (go)", () => {
  const path = run(GO, "env", "GOROOT").trim();
  const command = join(path, "bin/go");
  const folder = mkdtempSync(join(tmpdir(), "libraries-"));
  try {
    const [library] = analyseFile(command).libraries;
    const wanted: Partial<Library> = {
      stack: "go",
      abi: "go-register",
      foundBy: "pclntab",
      version: run(GO, "env", "GOVERSION").trim(),
    };
    expect(library).toMatchObject(wanted);
    expect(library?.probes).toEqual(
      (
        [
          [READ, "read"],
          [WRITE, "write"],
        ] as const
      ).map(([name, role]) => ({
        function: name,
        role,
        entry: offsetByBinutils(command, name, false) ?? 0,
        returns: returnsByObjdump(command, name),
      })),
    );
    const stripped = join(folder, "go");
    run("strip", "-o", stripped, command);
    const inStripped = analyseFile(stripped).libraries[0]?.probes ?? [];
    const lengths = (probes: Library["probes"]) =>
      probes.map(({ entry, returns }) => returns?.map((at) => at - entry));
    expect(inStripped.length).toBe(2);
    expect(lengths(inStripped)).toEqual(lengths(library?.probes ?? []));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
