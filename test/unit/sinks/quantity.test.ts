import { describe, expect, test } from "bun:test";
import { formatBytes, formatCount, formatMs, plural } from "../../../src/sinks/quantity.ts";

describe("quantities", () => {
  test.each([
    [0, "0.00 ms"],
    [0.4236, "0.42 ms"],
    [9.994, "9.99 ms"],
    [9.996, "10.0 ms"],
    [99.96, "100 ms"],
    [999.6, "1.00 s"],
    [59_994, "59.99 s"],
    [59_996, "1 min 0 s"],
    [123_000, "2 min 3 s"],
    [3_599_600, "1 h 0 min"],
    [90_061_000, "25 h 1 min"],
  ])("formatMs shows %d as %s", (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });

  test.each([
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1000, "1.0 kB"],
    [999_949, "999.9 kB"],
    [999_950, "1.0 MB"],
    [16_777_216, "16.8 MB"],
    [5e12, "5.0 TB"],
    [5e15, "5000.0 TB"],
  ])("formatBytes shows %d as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test("formatCount and plural set commas and endings", () => {
    expect([formatCount(7), formatCount(1234567), plural(1, "call"), plural(1000, "call")]).toEqual(
      ["7", "1,234,567", "1 call", "1,000 calls"],
    );
  });
});
