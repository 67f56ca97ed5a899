import { expect, test } from "bun:test";
import { release } from "node:os";
import type { Counters, Kernel } from "../../../src/capture/kernel.ts";
import { captureFacts, missingParts } from "../../../src/live/facts.ts";
import { StreamStage } from "../../../src/stream/stream-stage.ts";
import { data, PIPE, processes } from "../stream/events.ts";
import { counts, FakeKernel } from "./fake-kernel.ts";

const COUNTERS: Counters = {
  ringFull: 0,
  mapFullBytes: 0,
  mapFullCalls: 0,
  processEventsLost: 0,
  filteredBytes: 0,
  rescued: 0,
};

function makeKernel(
  entries: FakeKernel,
  fields: { skipped?: number; mapFullBytes?: number; missing?: string[] } = {},
): Kernel {
  return Object.create(null, {
    frontEnd: { value: "fexit" },
    missing: { value: fields.missing ?? [] },
    skippedRuns: { value: () => fields.skipped ?? 0 },
    counters: { value: () => ({ ...COUNTERS, mapFullBytes: fields.mapFullBytes ?? 0 }) },
    channels: { value: () => entries.entries.keys() },
    counts: { value: (channel: number) => entries.counts(channel) },
  });
}

test("captureFacts adds up what the kernel counted", () => {
  const entries = new FakeKernel();
  entries.entries.set(PIPE, counts({ notesLost: 2, lost: 100 }));
  entries.entries.set(64, counts({ notesLost: 3, lost: 7 }));
  const stream = new StreamStage(processes());
  stream.push(data("abc"));
  expect(captureFacts(makeKernel(entries, { mapFullBytes: 1_000 }), stream, 0)).toEqual({
    frontEnd: "fexit",
    kernel: release(),
    exact: true,
    skippedRuns: 0,
    missedBytes: 0,
    notesLost: 5,
    channelsSeen: 1,
    unattributedBytes: 1_007,
  });
});

test.each([
  [1, 0],
  [0, 1],
  [2, 3],
])("captureFacts: %d skipped runs and %d missed bytes are not exact", (skipped, missed) => {
  const kernel = makeKernel(new FakeKernel(), { skipped });
  expect(captureFacts(kernel, new StreamStage(processes()), missed)).toEqual(
    expect.objectContaining({ exact: false, skippedRuns: skipped, missedBytes: missed }),
  );
});

test("missingParts names each program that the kernel did not take", () => {
  const kernel = makeKernel(new FakeKernel(), { missing: ["do_splice", "tee_call"] });
  expect(missingParts(kernel, 5)).toEqual([
    expect.objectContaining({ kind: "coverage", reason: "no_do_splice", bytes: 0, timeNs: 5 }),
    expect.objectContaining({ kind: "coverage", reason: "no_tee_call", bytes: 0, timeNs: 5 }),
  ]);
});
