import { describe, expect, test } from "bun:test";
import { defaultRingBytes, usableMemory } from "../../../src/capture/ring-size.ts";

const MIB = 1 << 20;
const GIB = 1024 * MIB;

describe("the size of the ring", () => {
  test.each([
    [512 * MIB, 16],
    [4 * GIB, 16],
    [7.7 * GIB, 32],
    [8 * GIB, 32],
    [11 * GIB, 32],
    [15.6 * GIB, 64],
    [1024 * GIB, 64],
  ])("of %d bytes of memory is a power of two, between 16 and 64 MiB", (memory, mebibytes) => {
    expect(defaultRingBytes(memory)).toBe(mebibytes * MIB);
  });

  test("is of the memory that there is", () => {
    expect(usableMemory()).toBeGreaterThan(256 * MIB);
  });
});
