import { expect, test } from "bun:test";
import { join } from "node:path";
import { Outline } from "../../../ffi/outline.ts";
import { FramingStage } from "../../../src/framing/framing-stage.ts";
import { MessageStage } from "../../../src/message/message-stage.ts";
import { channelEnd, chunk, makeChannel, makeProcess } from "../framing/items.ts";

const fixtures = join(import.meta.dir, "../../fixtures");

async function readFixture(name: string): Promise<{ bytes: Uint8Array; expected: unknown[] }> {
  const bytes = await Bun.file(join(fixtures, name, "in.bin")).bytes();
  const lines = await Bun.file(join(fixtures, name, "expected.jsonl")).text();
  return {
    bytes,
    expected: lines
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  };
}

/** What the two rooms make of `bytes` in pieces of `size`, as the fixtures write it. */
function listen(bytes: Uint8Array, size: number): unknown[] {
  const framing = new FramingStage();
  const stage = new MessageStage(new Outline());
  const channel = makeChannel("unix:1");
  const reader = makeProcess(1);
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    chunk(channel, bytes.slice(n * size, (n + 1) * size), n * size, reader),
  );
  const frames = [...chunks, channelEnd(channel)].flatMap((item) => [...framing.push(item)]);
  return frames
    .flatMap((item) => [...stage.push(item)])
    .map((item) => {
      if (item.kind !== "message") return item.kind;
      const { kind: _, frame, isLineSafe: __, ...message } = item;
      return JSON.parse(JSON.stringify({ ...message, endPosition: frame.endPosition }));
    });
}

test.each([
  "stdio-v2-legacy-client",
  "stdio-v2-legacy-server",
  "stdio-v2-modern-client",
  "stdio-v2-modern-server",
])("FramingStage and MessageStage hear what was captured in %s", async (name) => {
  const { bytes, expected } = await readFixture(name);
  for (const size of [1, 7, 100, 65_536]) {
    expect(listen(bytes, size)).toEqual([...expected, "end"]);
  }
});
