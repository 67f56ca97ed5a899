import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { variableOffsets } from "../../../src/capture/globals.ts";

const OBJECT = join(import.meta.dir, "../../../build/x64/overhear.bpf.o");
const bytes = readFileSync(OBJECT);

/** What binutils' readelf says: names and values of the variables in one section. */
function readelfOffsets(section: string): Map<string, number> {
  const run = (...args: string[]) =>
    Bun.spawnSync(["readelf", "-W", ...args, OBJECT]).stdout.toString();
  const index = new RegExp(`\\[ *(\\d+)\\] \\.${section} `).exec(run("-S"))?.[1] ?? "none";
  const rows = run("-s")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((row) => row[3] === "OBJECT" && row[6] === index);
  return new Map(rows.map((row) => [row[7] ?? "", Number.parseInt(row[1] ?? "", 16)]));
}

test.each(["bss", "rodata"])("variableOffsets finds in .%s what readelf finds", (section) => {
  const expected = readelfOffsets(section);
  expect(expected.size).toBeGreaterThan(2);
  expect(new Map(variableOffsets(bytes, section))).toEqual(expected);
});

test("variableOffsets finds every variable that user space reads or writes", () => {
  expect([...variableOffsets(bytes, "bss").keys()]).toEqual(
    expect.arrayContaining([
      "consumer_sleeps",
      "twins",
      "blocked_left",
      "ignored",
      "ring_full_count",
      "unattributed_bytes",
      "notes_lost",
      "process_events_lost",
    ]),
  );
  expect([...variableOffsets(bytes, "rodata").keys()]).toEqual(
    expect.arrayContaining(["own_tgid", "filtering", "following_by_place"]),
  );
});

test("variableOffsets reads an object that lies inside another buffer", () => {
  const shifted = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
  expect(variableOffsets(shifted, "rodata")).toEqual(variableOffsets(bytes, "rodata"));
});

test("variableOffsets finds nothing in a section that is not there", () => {
  expect(variableOffsets(bytes, "data.nowhere").size).toBe(0);
});
