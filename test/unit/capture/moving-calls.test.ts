import { expect, test } from "bun:test";
import { movingCalls } from "../../../src/capture/moving-calls.ts";

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
