import { expect, test } from "bun:test";
import { ARM64_CALLS, movingOf, SOCKETCALL, X64_CALLS } from "../../../src/capture/moving-calls.ts";

const header = await Bun.file(new URL("../../../bpf/syscalls.h", import.meta.url)).text();

/** What bpf/syscalls.h says of each number: into which of its arguments the call writes. io_uring's is left out, and
 * mmap. */
function callsOf(arch: "x86" | "arm64"): Map<number, number | undefined> {
  const from = header.indexOf("wide_ops[", header.indexOf(`#ifdef __TARGET_ARCH_${arch}`));
  const tables = header.slice(from, header.indexOf("#define", from));
  const into = (op: string | undefined = "") => {
    if (op === "SPLICE") return 2;
    if (op === "TEE") return 1;
    return /^(?:READ|RECV)/.test(op) ? undefined : 0;
  };
  const entries = [...tables.matchAll(/\[(\d+)\] = OP_(\w+)/g)];
  const others = new Set(["URING", "SOCKETCALL", "MMAP"]);
  const moving = entries.filter(([, , op = ""]) => !others.has(op));
  return new Map(moving.map(([, number, op]) => [Number(number), into(op)]));
}

test.each([
  ["x86", X64_CALLS, 34],
  ["arm64", ARM64_CALLS, 36],
] as const)("the moving calls of %s are those of bpf/syscalls.h", (arch, calls, count) => {
  const wanted = callsOf(arch);
  expect(new Map([...calls].map(([number, { into }]) => [number, into]))).toEqual(wanted);
  expect(wanted.size).toBe(count);
});

test("SOCKETCALL is the number that bpf/syscalls.h has for it", () => {
  expect(header).toContain(`[${SOCKETCALL}] = OP_SOCKETCALL`);
});

test.each([
  ["read of 5", X64_CALLS, 0, [5, 1, 8], { through: [5], into: undefined }],
  ["writev of one buffer", X64_CALLS, 20, [7, 3, 1], { through: [7], into: 7 }],
  ["splice", X64_CALLS, 275, [3, 0, 4], { through: [3, 4], into: 4 }],
  ["tee", X64_CALLS, 276, [3, 4, 9], { through: [3, 4], into: 4 }],
  ["arm64 splice", ARM64_CALLS, 76, [3, 0, 4], { through: [3, 4], into: 4 }],
  ["socketcall of send", X64_CALLS, SOCKETCALL, [9, 1, 0], { through: "any", into: "any" }],
  ["socketcall of recv", X64_CALLS, SOCKETCALL, [10, 1, 0], { through: "any", into: undefined }],
] as const)("movingOf knows the descriptors of a %s", (_, calls, number, args, moving) => {
  expect(movingOf({ number, arguments: args }, calls)).toEqual(moving);
});

test.each([
  ["futex", X64_CALLS, 202, [1]],
  ["io_uring_enter", X64_CALLS, 426, [1]],
  ["truncate, which is arm64's splice", X64_CALLS, 76, [1]],
  ["socketcall of connect", X64_CALLS, SOCKETCALL, [3]],
  ["what is no socketcall", ARM64_CALLS, SOCKETCALL, [9]],
] as const)("movingOf knows that nothing moves by %s", (_, calls, number, args) => {
  expect(movingOf({ number, arguments: args }, calls)).toBeUndefined();
});
