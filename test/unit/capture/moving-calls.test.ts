import { expect, test } from "bun:test";
import { movingCalls, movingOf } from "../../../src/capture/moving-calls.ts";

const header = await Bun.file(new URL("../../../bpf/syscalls.h", import.meta.url)).text();

/** Numbers in the two tables of one architecture whose operation reads, or writes; io_uring's left out. */
function numbersOf(arch: "x86" | "arm64", side: "reading" | "writing"): Set<number> {
  const from = header.indexOf("wide_ops[", header.indexOf(`#ifdef __TARGET_ARCH_${arch}`));
  const tables = header.slice(from, header.indexOf("#define", from));
  const entries = [...tables.matchAll(/\[(\d+)\] = OP_(\w+)/g)];
  const isReading = (op: string | undefined) => /^(?:READ|RECV)/.test(op ?? "");
  const wanted = entries.filter(
    ([, , op]) => op !== "URING" && isReading(op) === (side === "reading"),
  );
  return new Set(wanted.map(([, number]) => Number(number)));
}

test.each([
  ["x64", "x86", "reading", 13],
  ["x64", "x86", "writing", 22],
  ["arm64", "arm64", "reading", 14],
  ["arm64", "arm64", "writing", 22],
] as const)("movingCalls of %s are those of bpf/syscalls.h: %s %s", (arch, inC, side, count) => {
  const wanted = numbersOf(inC, side);
  expect(new Set(movingCalls(arch)[side])).toEqual(wanted);
  expect(wanted.size).toBe(count);
});

const isX64 = process.arch === "x64";

test.if(isX64).each([
  ["read of 5", 0, [5, 1, 8], { through: [5], into: undefined, isWriting: false }],
  ["writev of one buffer", 20, [7, 3, 1], { through: [7], into: 7, isWriting: true }],
  ["splice", 275, [3, 0, 4], { through: [3, 4], into: 4, isWriting: true }],
  ["tee", 276, [3, 4, 9], { through: [3, 4], into: 4, isWriting: true }],
  ["socketcall of send", 102, [9, 1, 0], { through: undefined, into: undefined, isWriting: true }],
  [
    "socketcall of recv",
    102,
    [10, 1, 0],
    { through: undefined, into: undefined, isWriting: false },
  ],
] as const)("movingOf knows the descriptors of a %s", (_, number, args, moving) => {
  expect(movingOf({ number, arguments: args })).toEqual(moving);
});

test.if(isX64)("movingOf knows what moves nothing through a channel", () => {
  // futex, io_uring_enter, arm64's splice, socketcall of connect
  for (const number of [202, 426, 76]) expect(movingOf({ number, arguments: [1] })).toBeUndefined();
  expect(movingOf({ number: 102, arguments: [3] })).toBeUndefined();
});
