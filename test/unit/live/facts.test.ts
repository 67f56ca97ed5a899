import { expect, test } from "bun:test";
import { release } from "node:os";
import type { Counters, Kernel } from "../../../src/capture/kernel.ts";
import { captureFacts, missingParts } from "../../../src/live/facts.ts";
import { StreamStage } from "../../../src/stream/stream-stage.ts";
import { data, processes } from "../stream/events.ts";

const COUNTERS: Counters = { unattributedBytes: 0, notesLost: 0, processEventsLost: 0 };

function makeKernel(
  fields: { skipped?: number; counters?: Partial<Counters>; missing?: string[] } = {},
): Kernel {
  return Object.create(null, {
    frontEnd: { value: "fexit" },
    missing: { value: fields.missing ?? [] },
    skippedRuns: { value: () => fields.skipped ?? 0 },
    counters: { value: () => ({ ...COUNTERS, ...fields.counters }) },
  });
}

test("captureFacts are what the kernel counted, and how many channels were heard of", () => {
  const stream = new StreamStage(processes());
  stream.push(data("x", { generation: 4710 }));
  stream.push(data("abc"));
  const counters = { unattributedBytes: 50, notesLost: 5, processEventsLost: 6 };
  expect(captureFacts(makeKernel({ counters }), stream, 0)).toEqual({
    frontEnd: "fexit",
    kernel: release(),
    exact: true,
    skippedRuns: 0,
    missedBytes: 0,
    notesLost: 5,
    processEventsLost: 6,
    channelsSeen: 2,
    unattributedBytes: 50,
  });
});

test.each([
  [1, 0],
  [0, 1],
  [2, 3],
])("captureFacts: %d skipped runs and %d missed bytes are not exact", (skipped, missed) => {
  const kernel = makeKernel({ skipped });
  expect(captureFacts(kernel, new StreamStage(processes()), missed)).toEqual(
    expect.objectContaining({ exact: false, skippedRuns: skipped, missedBytes: missed }),
  );
});

test("missingParts names each program that the kernel did not take", () => {
  const kernel = makeKernel({ missing: ["do_splice", "tee_call"] });
  expect(missingParts(kernel, 5)).toEqual([
    expect.objectContaining({ kind: "coverage", reason: "no_do_splice", bytes: 0, timeNs: 5 }),
    expect.objectContaining({ kind: "coverage", reason: "no_tee_call", bytes: 0, timeNs: 5 }),
  ]);
});
