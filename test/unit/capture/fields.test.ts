import { expect, test } from "bun:test";
import { address, CommCache, cString, u64, wholeAddress } from "../../../src/capture/fields.ts";

function viewOf(value: bigint): DataView {
  const view = new DataView(new ArrayBuffer(16), 8);
  view.setBigUint64(0, value, true);
  return view;
}

function textView(text: string | readonly number[]): DataView {
  const bytes = new Uint8Array(24);
  bytes.set(typeof text === "string" ? Buffer.from(text) : text, 4);
  return new DataView(bytes.buffer, 4);
}

test.each([
  [0n, 0],
  [4_294_967_295n, 4_294_967_295],
  [4_294_967_296n, 4_294_967_296],
  [9_007_199_254_740_991n, 9_007_199_254_740_991],
])("u64 reads %d exactly", (value, expected) => {
  expect(u64(viewOf(value), 0)).toBe(expected);
});

test("u64 is off by 2 ns at most for a year of uptime", () => {
  const year = 31_536_000_000_000_001n;
  const off = BigInt(u64(viewOf(year), 0)) - year;
  expect([-2n, -1n, 0n, 1n, 2n]).toContain(off);
});

test.each([
  ["x64", 0xffff_8881_0123_4560n],
  ["arm64", 0xffff_0000_c0de_f00dn],
  ["five-level page tables", 0xff11_0001_2345_6780n],
])("wholeAddress gives back what address took, on %s", (_, whole) => {
  expect(wholeAddress(address(viewOf(whole), 0))).toBe(whole);
});

test("address keeps addresses apart that differ by one cache line", () => {
  const first = address(viewOf(0xffff_8881_0123_4540n), 0);
  expect(address(viewOf(0xffff_8881_0123_4580n), 0) - first).toBe(64);
});

test("address reads 0, no peer, without forgetting the top of the others", () => {
  const low = address(viewOf(0xffff_8881_0123_4560n), 0);
  expect(address(viewOf(0n), 0)).toBe(0);
  expect(wholeAddress(low)).toBe(0xffff_8881_0123_4560n);
});

test.each([
  ["node\0rest", 16, "node"],
  ["sixteen bytes xx", 16, "sixteen bytes xx"],
  ["", 16, ""],
  ["abcdef", 3, "abc"],
  ["a b) (c\n", 16, "a b) (c\n"],
])("cString reads %p, at most %d bytes", (text, most, expected) => {
  expect(cString(textView(text), 0, most)).toBe(expected);
});

test("cString shows bytes that are no UTF-8 as U+FFFD", () => {
  expect(cString(textView([0x61, 0xff, 0x62, 0]), 0, 16)).toBe("a\ufffdb");
});

test("CommCache follows a process's name and keeps processes apart", () => {
  const cache = new CommCache();
  const read = (comm: string, pid: number) => cache.read(textView(comm), 0, pid);
  expect([read("sh", 1), read("sh", 1), read("node", 1), read("bun", 2), read("node", 1)]).toEqual([
    "sh",
    "sh",
    "node",
    "bun",
    "node",
  ]);
});

test("CommCache sees a change in each of the 15 characters", () => {
  const cache = new CommCache();
  const names = Array.from({ length: 15 }, (_, at) => `${"a".repeat(at)}b${"a".repeat(14 - at)}`);
  expect(names.map((name) => cache.read(textView(name), 0, 1))).toEqual(names);
});

test("CommCache stays right over more processes than it keeps", () => {
  const cache = new CommCache();
  for (let pid = 1; pid <= 10_000; pid++) cache.read(textView(`p${pid}`), 0, pid);
  expect(cache.read(textView("p1"), 0, 1)).toBe("p1");
  expect(cache.read(textView("other"), 0, 10_000)).toBe("other");
});
