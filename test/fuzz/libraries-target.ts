/** Programs with any bytes of them changed: analysed without an error, in bounded work, every place told in the file. */
import { analyse } from "../../src/libraries/analyse.ts";
import { readCached, readLike, writeCached } from "../../src/libraries/cached.ts";
import type { Analysis, ReadAt } from "../../src/libraries/types.ts";
import { HANDSHAKE, IMPL, makeProgram, READ, WRITE } from "../unit/libraries/boringssl-code.ts";
import { makeGo } from "../unit/libraries/go-program.ts";
import { makeElf, makeSymbols, readerOf } from "../unit/libraries/make-elf.ts";
import { assertEqual, type FuzzTarget, makeRandom } from "./target.ts";

const CODE = Buffer.from("493b6610760eb8c3c3c3c385c07401c331c0c3", "hex");
const NAMES = ["SSL_read", "SSL_write", "PR_Read", "PR_Write", "gnutls_record_recv", "SSL_free"];
const GO_NAMES = ["a", "crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write", "b"];
const ALL = [HANDSHAKE, IMPL, READ, WRITE];
const BUILD_ID = "00112233445566778899";

const programs: readonly Buffer[] = [
  makeProgram(ALL, "x64-mov", { buildId: BUILD_ID }).file,
  makeProgram(ALL, "x64-lea", { buildId: BUILD_ID }).file,
  makeProgram(ALL, "arm64", { buildId: BUILD_ID }).file,
  makeGo(GO_NAMES.map((name) => ({ name, code: CODE }))).file,
  makeGo(
    GO_NAMES.map((name) => ({ name, code: CODE })),
    { section: undefined, tells: false, before: 0x40 },
  ).file,
  makeElf([
    { name: ".text", at: 0x1000, bytes: Buffer.alloc(0x1000, 0xcc), mapped: "rx" },
    ...makeSymbols(
      NAMES.map((name, i) => ({ name, at: 0x1000 + i * 16 })),
      { at: 0x2000, names: 3, type: 11 },
    ),
  ]),
];

/** How many times its size may be read of a file, and how much beyond. */
const MOST_TIMES = 40;
const MOST_BYTES = 64 * 1024 * 1024;
const CHANGE = 6;
const ODD = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0];

/** A script of changes: which program, then places and values. */
function makeScript(seed: number): Uint8Array {
  const random = makeRandom(seed);
  return Uint8Array.from({ length: 1 + CHANGE * (1 + (seed % 6)) }, () => random(256));
}

/** Applies `script`: half of the places are in the headers, which are at both ends. */
function changed(script: Buffer): Buffer {
  const program = Buffer.from(programs[(script[0] ?? 0) % programs.length] ?? Buffer.alloc(0));
  for (let i = 1; i + CHANGE <= script.length; i += CHANGE) {
    const place = script.readUIntLE(i, 3);
    const kind = script[i + 3] ?? 0;
    const value = script.readUInt16LE(i + 4);
    const near = place % 1024;
    const at = [near, program.length - 1 - near, place % program.length][kind % 3] ?? 0;
    if (at < 0 || at + 4 > program.length) continue;
    if (kind & 4) program.writeUInt32LE(ODD[value % ODD.length] ?? 0, at);
    else if (kind & 8) program.writeUInt16LE(value, at);
    else program[at] = value & 0xff;
  }
  return program;
}

/** Of other programs with the same build id, as they may have been kept. */
const likes = programs.map((program) => analyse(readerOf(program), program.length));

function check(file: Buffer, like?: Analysis): void {
  let readBytes = 0;
  const read = readerOf(file);
  const counting: ReadAt = (into, position) => {
    const count = read(into, position);
    readBytes += count;
    return count;
  };
  const analysis = analyse(counting, file.length, like);
  assertEqual(readBytes <= file.length * MOST_TIMES + MOST_BYTES, true, `${readBytes} bytes read`);
  for (const { entry, returns } of analysis.libraries.flatMap(({ probes }) => probes)) {
    for (const at of [entry, ...(returns ?? [])]) {
      assertEqual(Number.isSafeInteger(at) && at >= 0 && at < file.length, true, `place ${at}`);
    }
  }
  const kept = writeCached(analysis, "key", read, file.length);
  assertEqual(readCached(kept, "key", read, file.length), analysis, "what was kept");
  readCached(kept.slice(0, kept.length / 2), "key", read, file.length);
}

export const librariesTarget: FuzzTarget = {
  name: "libraries",
  seeds: Array.from({ length: 200 }, (_, seed) => makeScript(seed)),
  check(input) {
    const bytes = Buffer.from(input);
    check(bytes);
    const program = changed(bytes);
    check(program);
    // what was found in another one, or before the change
    for (const like of likes) check(program, like);
    readLike(bytes.toString("latin1"), "key", bytes.length);
    readCached(bytes.toString("latin1"), "key", readerOf(bytes), bytes.length);
  },
};
