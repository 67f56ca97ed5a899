import { expect, test } from "bun:test";
import { movingCalls } from "../../../src/capture/moving-calls.ts";

const header = await Bun.file(new URL("../../../bpf/syscalls.h", import.meta.url)).text();

/** Numbers in the two tables of one architecture, io_uring's left out. */
function numbersOf(arch: "x86" | "arm64"): Set<number> {
  const from = header.indexOf("wide_ops[", header.indexOf(`#ifdef __TARGET_ARCH_${arch}`));
  const tables = header.slice(from, header.indexOf("#define", from));
  const entries = tables.matchAll(/\[(\d+)\] = (OP_\w+)/g);
  return new Set([...entries].filter(([, , op]) => op !== "OP_URING").map(([, n]) => Number(n)));
}

test.each([
  ["x64", "x86", 35],
  ["arm64", "arm64", 36],
] as const)("movingCalls of %s are those of bpf/syscalls.h", (arch, inC, count) => {
  const wanted = numbersOf(inC);
  expect(new Set(movingCalls(arch))).toEqual(wanted);
  expect(wanted.size).toBe(count);
});
