import { expect, test } from "bun:test";
import fc from "fast-check";
import { type StreamInput, StreamStage } from "../../../src/stream/stream-stage.ts";
import { brief, closed, data, io, processes, totals } from "./events.ts";

/** What happens to bytes of one channel, as the kernel would count it. */
type Step =
  | { readonly what: "heard"; readonly bytes: number }
  | { readonly what: "lost"; readonly bytes: number }
  | { readonly what: "fault"; readonly heard: number; readonly bytes: number }
  | { readonly what: "spliced"; readonly bytes: number }
  | { readonly what: "totals" };

const size = fc.integer({ min: 1, max: 40 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant("heard"), bytes: size }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("lost"), bytes: size }) },
  fc.record({ what: fc.constant("fault"), heard: fc.nat(10), bytes: size }),
  fc.record({ what: fc.constant("spliced"), bytes: size }),
  fc.record({ what: fc.constant("totals") }),
);

/** A channel as the kernel keeps it: sends records with its counts, and knows what must come out. */
class KernelChannel {
  readonly #address: number;
  readonly #inode: number;
  moved = 0;
  #lost = 0;
  #untold = 0;
  readonly expected: unknown[] = [];

  constructor(number: number) {
    this.#address = 4096 * number;
    this.#inode = number;
  }

  get #name(): string {
    return `pipe:${this.#inode}`;
  }

  step(step: Step): StreamInput[] {
    const place = { channel: this.#address, generation: this.#inode };
    switch (step.what) {
      case "lost":
        this.moved += step.bytes;
        this.#lost += step.bytes;
        this.#untold += step.bytes;
        return [];
      case "heard": {
        this.#tell();
        const text = "x".repeat(step.bytes);
        this.expected.push([this.#name, this.moved, text]);
        this.moved += step.bytes;
        return [data(text, { ...place, lost: this.#lost, moved: this.moved })];
      }
      case "fault": {
        this.#tell();
        const text = "x".repeat(step.heard);
        if (step.heard > 0) this.expected.push([this.#name, this.moved, text]);
        this.expected.push([this.#name, "fault", step.bytes]);
        this.moved += step.heard + step.bytes;
        const len = step.heard + step.bytes;
        return [data(text, { ...place, len, flags: 1, lost: this.#lost, moved: this.moved })];
      }
      case "spliced":
        this.expected.push([this.#name, "blind", "unseen_read", step.bytes]);
        this.#tell();
        this.expected.push([this.#name, "unseen_read", step.bytes]);
        this.moved += step.bytes;
        return [io("unseen", { ...place, len: step.bytes, lost: this.#lost, moved: this.moved })];
      case "totals":
        if (this.expected.length > 0) this.#tell();
        return [totals(this.#lost, place)];
    }
  }

  close(): StreamInput[] {
    const place = { channel: this.#address, generation: this.#inode };
    const wasSeen = this.expected.length > 0;
    if (wasSeen) {
      this.#tell();
      this.expected.push([this.#name, "end", 0]);
    }
    return [totals(this.#lost, place), closed(place)];
  }

  /** Loss comes out before whatever tells of it. */
  #tell(): void {
    if (this.#untold > 0) this.expected.push([this.#name, "ring_full", this.#untold]);
    this.#untold = 0;
  }
}

function lengthOf(item: unknown): number {
  const [, second, third] = Array.isArray(item) ? item : [];
  if (typeof second === "number") return String(third).length;
  return second === "blind" || second === "end" ? 0 : Number(third);
}

test("StreamStage: chunks and gaps of each channel add up to the bytes that moved, gaps in place", () => {
  const script = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), anyStep), { maxLength: 60 });
  fc.assert(
    fc.property(script, (steps) => {
      const stage = new StreamStage(processes());
      const channels = [1, 2, 3].map((number) => new KernelChannel(number));
      const push = (items: readonly StreamInput[]) =>
        items.flatMap((item) => [...stage.push(item)]);
      const out = [
        ...steps.flatMap(([number, step]) => push(channels[number - 1]?.step(step) ?? [])),
        ...channels.flatMap((channel) => push(channel.close())),
      ];
      channels.forEach((channel, at) => {
        const own = brief(out).filter(
          (each) => Array.isArray(each) && each[0] === `pipe:${at + 1}`,
        );
        expect(own).toEqual(channel.expected);
        const sum = own.reduce((total: number, each) => total + lengthOf(each), 0);
        expect(sum).toBe(own.length > 0 ? channel.moved : 0);
      });
    }),
    { numRuns: 300 },
  );
});

test("StreamStage: where a chunk begins is the sum of all that came before it", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
      const stage = new StreamStage(processes());
      const kernel = new KernelChannel(1);
      let position = 0;
      for (const item of steps.flatMap((step) => kernel.step(step))) {
        for (const out of stage.push(item)) {
          if (out.kind === "chunk") expect(out.position).toBe(position);
          position += lengthOf(brief([out])[0]);
        }
      }
    }),
    { numRuns: 300 },
  );
});
