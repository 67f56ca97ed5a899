import { expect, test } from "bun:test";
import { release } from "node:os";
import type { Counters, Kernel } from "../../../src/capture/kernel.ts";
import { captureFacts, missingParts } from "../../../src/live/facts.ts";
import { StreamStage } from "../../../src/stream/stream-stage.ts";
import { data, PIPE, processes } from "../stream/events.ts";
import { counts, FakeKernel } from "./fake-kernel.ts";

const COUNTERS: Counters = { unattributedBytes: 0, notesLost: 0, processEventsLost: 0 };

function makeKernel(
  entries: FakeKernel,
  fields: { skipped?: number; counters?: Partial<Counters>; missing?: string[] } = {},
): Kernel {
  return Object.create(null, {
    frontEnd: { value: "fexit" },
    missing: { value: fields.missing ?? [] },
    skippedRuns: { value: () => fields.skipped ?? 0 },
    counters: { value: () => ({ ...COUNTERS, ...fields.counters }) },
    channels: { value: () => entries.entries.keys() },
    counts: { value: (channel: number) => entries.counts(channel) },
  });
}

test("captureFacts adds up what the kernel counted", () => {
  const entries = new FakeKernel();
  entries.entries.set(PIPE, counts({ lost: 100 }));
  entries.entries.set(64, counts({ lost: 7 }));
  const stream = new StreamStage(processes());
  // another channel at its address, and no record to say so: 50 bytes are told and among the unattributed
  stream.push(data("x", { generation: 4710, lost: 50 }));
  stream.push(data("abc"));
  const counters = { unattributedBytes: 1_050, notesLost: 5, processEventsLost: 6 };
  expect(captureFacts(makeKernel(entries, { counters }), stream, 0)).toEqual({
    frontEnd: "fexit",
    kernel: release(),
    exact: true,
    skippedRuns: 0,
    missedBytes: 0,
    notesLost: 5,
    processEventsLost: 6,
    channelsSeen: 2,
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
