import { expect, test } from "bun:test";
import { ChannelEntries, decodeCounts } from "../../../src/capture/channel-entries.ts";
import { address } from "../../../src/capture/fields.ts";
import { channelEntry, type EntryFields } from "./records.ts";

const PIPE = 0x1f_8881_0000_1000;
const WHOLE = 0xffff_8881_0000_1000n;

/** A map in memory; keys are the words of the kernel's. */
class Entries {
  readonly #entries = new Map<string, Buffer>();

  add(entry: EntryFields, ...key: readonly bigint[]): void {
    this.#entries.set(key.join(), channelEntry(entry));
  }

  get size(): number {
    return this.#entries.size;
  }

  lookup(key: Uint8Array, value: Uint8Array): boolean {
    const found = this.#entries.get(words(key).join());
    if (found) value.set(found);
    return found !== undefined;
  }

  delete(key: Uint8Array): boolean {
    return this.#entries.delete(words(key).join());
  }

  *keys(bytes: number): Generator<Uint8Array> {
    for (const key of this.#entries.keys()) {
      const whole = new Uint8Array(new BigUint64Array(key.split(",").map(BigInt)).buffer);
      expect(whole.length).toBe(bytes);
      yield whole;
    }
  }
}

function words(key: Uint8Array): readonly bigint[] {
  return [...new BigUint64Array(key.slice().buffer)];
}

function setUp() {
  // the bits that all addresses share are learned from any of them
  address(new DataView(new BigUint64Array([WHOLE]).buffer), 0);
  const channels = new Entries();
  const tcpChannels = new Entries();
  const ended = new Entries();
  const forgotten: bigint[][] = [];
  const forget = (...of: bigint[]) => forgotten.push(of);
  const entries = new ChannelEntries({ channels, tcpChannels, ended, forget });
  return { channels, tcpChannels, ended, forgotten, entries };
}

test("decodeCounts counts from where the channel began, and names its ends", () => {
  const base = { moved: 100, lost: 200, written: 300, unseen: 400 };
  const entry = channelEntry({
    ...{ generation: 77, moved: 110, lost: 204, written: 312, unseen: 401, base },
    ...{ readerTgid: 20, readerStartNs: 2_001, writerTgid: 10, writerStartNs: 1_001 },
    ...{ channelKind: 3, muted: 1, wanted: 1 },
  });
  expect(decodeCounts(new DataView(new Uint8Array(entry).buffer))).toEqual({
    ...{ generation: 77, moved: 10, lost: 4, written: 12, unseen: 1 },
    ...{ readerPid: 20, readerStartNs: 2_001, writerPid: 10, writerStartNs: 1_001 },
    ...{ kind: "unix-stream", skipped: 0, muted: true, wanted: true },
  });
});

test("ChannelEntries finds a channel at its address, or where its entry was put when it was over", () => {
  const { channels, ended, entries } = setUp();
  channels.add({ generation: 12, moved: 5 }, WHOLE);
  ended.add({ generation: 11, moved: 7 }, WHOLE, 11n);
  expect(entries.counts(PIPE, 12)?.moved).toBe(5);
  expect(entries.counts(PIPE, 11)?.moved).toBe(7);
  expect(entries.counts(PIPE, 10)).toBeUndefined();
  expect(entries.counts(PIPE + 64, 12)).toBeUndefined();
});

test("ChannelEntries tells a named pipe that is over from its next life at the same place", () => {
  const { channels, ended, entries } = setUp();
  ended.add({ generation: 12, moved: 7 }, WHOLE, 12n);
  channels.add({ generation: 12, moved: 5 }, WHOLE);
  expect([entries.last(PIPE, 12)?.moved, entries.counts(PIPE, 12)?.moved]).toEqual([7, 5]);
  entries.forget(PIPE, 12);
  expect([entries.last(PIPE, 12)?.moved, entries.counts(PIPE, 12)?.moved]).toEqual([undefined, 5]);
});

test("ChannelEntries takes a socket that was accepted since for the one that was not", () => {
  const { channels, entries } = setUp();
  channels.add({ generation: 12, written: 5, channelKind: 3 }, WHOLE);
  expect(entries.counts(PIPE, 0)?.written).toBe(5);
});

test("ChannelEntries finds a TCP connection where a pipe was at the same address", () => {
  const { channels, tcpChannels, entries } = setUp();
  channels.add({ generation: 12, moved: 5 }, WHOLE);
  tcpChannels.add({ generation: 13, moved: 6, channelKind: 6 }, WHOLE);
  expect([entries.counts(PIPE, 12)?.moved, entries.counts(PIPE, 13)?.moved]).toEqual([5, 6]);
  expect(entries.present().map((each) => each.counts.generation)).toEqual([12, 13]);
});

test("ChannelEntries lists both kinds by address", () => {
  const { channels, ended, entries } = setUp();
  channels.add({ generation: 12 }, WHOLE);
  ended.add({ generation: 10 }, WHOLE, 10n);
  ended.add({ generation: 11 }, WHOLE, 11n);
  const brief = (all: ReturnType<typeof entries.present>) =>
    all.map((each) => [each.channel, each.counts.generation]);
  expect(brief(entries.present())).toEqual([[PIPE, 12]]);
  expect(brief(entries.ended())).toEqual([
    [PIPE, 10],
    [PIPE, 11],
  ]);
});

test("ChannelEntries deletes the entry of one that is over itself, and leaves the others to the kernel", () => {
  const { ended, forgotten, entries } = setUp();
  ended.add({ generation: 11 }, WHOLE, 11n);
  entries.forget(PIPE, 11);
  expect([ended.size, forgotten]).toEqual([0, []]);
  entries.forget(PIPE, 12);
  expect(forgotten).toEqual([[WHOLE, 12n]]);
});

test("ChannelEntries takes away, and does not show, what a late CPU put under a key that is not its own", () => {
  const { ended, entries } = setUp();
  ended.add({ generation: 12 }, WHOLE, 11n);
  expect(entries.ended()).toEqual([]);
  expect(ended.size).toBe(0);
});
