import { expect, test } from "bun:test";
import type { LossReason } from "../../../../src/capture/types.ts";
import { EventParser, type ServerEvent } from "../../../../src/framing/sse/event-parser.ts";
import { growth } from "../growth.ts";

/** What a parser makes of a stream: its events as [name, id, data], and bytes by what became of them. */
class Listener {
  readonly events: (readonly [string, string | undefined, string])[] = [];
  readonly held = { total: 0 };
  readonly parser: EventParser;
  noiseBytes = 0;
  eventBytes = 0;
  readonly lostBytes: Partial<Record<LossReason, number>> = {};

  constructor(maxEventBytes = 1_000_000) {
    this.parser = new EventParser(maxEventBytes, this.held, {
      event: (event) => this.#event(event),
      noise: (bytes) => {
        this.noiseBytes += bytes;
      },
      lost: (bytes, reason) => {
        if (bytes > 0) this.lostBytes[reason] = (this.lostBytes[reason] ?? 0) + bytes;
      },
    });
  }

  /** Takes the text in pieces of `size` bytes, each of which is overwritten afterwards. */
  take(text: string | Uint8Array, size = 1_000_000): this {
    const all = Buffer.from(text);
    for (let at = 0; at < all.length; at += size) {
      const piece = Buffer.from(all.subarray(at, at + size));
      this.parser.take(piece, 0, piece.length, at);
      this.parser.keep();
      piece.fill(0x58);
    }
    return this;
  }

  end(): this {
    this.parser.end("unfinished_line");
    return this;
  }

  #event({ name, id, data, bytes }: ServerEvent): void {
    this.events.push([name, id, data.toString()]);
    this.eventBytes += bytes;
  }
}

const STREAMS: readonly (readonly [string, string, readonly unknown[]])[] = [
  ["an event", "data: a\n\n", [["", undefined, "a"]]],
  ["no space behind the colon", "data:a\n\n", [["", undefined, "a"]]],
  ["one space of two", "data:  a\n\n", [["", undefined, " a"]]],
  ["several data lines", "data: a\ndata\ndata: b\n\n", [["", undefined, "a\n\nb"]]],
  ["a carriage return as line end", "data: a\rdata: b\r\r", [["", undefined, "a\nb"]]],
  ["a pair as line end", "data: a\r\ndata: b\r\n\r\n", [["", undefined, "a\nb"]]],
  ["line ends of all kinds", "data: a\r\ndata: b\rdata: c\n\r\n", [["", undefined, "a\nb\nc"]]],
  ["a byte order mark", "\ufeffdata: a\n\n", [["", undefined, "a"]]],
  ["only the first byte order mark", "\ufeff\ufeffdata: a\n\ndata: b\n\n", [["", undefined, "b"]]],
  ["name and id", "event: ping\nid: 7\ndata: a\n\n", [["ping", "7", "a"]]],
  ["fields behind the data", "data: a\nid: 7\nevent: ping\n\n", [["ping", "7", "a"]]],
  [
    "the last of two names and ids",
    "id: 1\nid: 2\nevent: x\nevent: y\ndata: a\n\n",
    [["y", "2", "a"]],
  ],
  ["an empty id", "id\ndata: a\n\n", [["", "", "a"]]],
  ["an id with a NUL: none", "id: 1\0\ndata: a\n\n", [["", undefined, "a"]]],
  [
    "an id for its own event only",
    "id: 1\ndata: a\n\ndata: b\n\n",
    [
      ["", "1", "a"],
      ["", undefined, "b"],
    ],
  ],
  ["an empty first event that brings an id", "id: 0\ndata:\n\ndata: a\n\n", [["", undefined, "a"]]],
  ["comments and retry", ": c\nretry: 5\n:\ndata: a\n: d\n\n", [["", undefined, "a"]]],
  [
    "fields that nobody knows",
    "date: x\ndata x\ndata : y\n data: z\nDATA: w\ndata: a\n\n",
    [["", undefined, "a"]],
  ],
  ["a name without data: no event", "event: x\n\ndata: a\n\n", [["", undefined, "a"]]],
  ["colons in the data", "data: a: b\n\n", [["", undefined, "a: b"]]],
  ["empty lines", "\n\n\ndata: a\n\n\n\n", [["", undefined, "a"]]],
  ["an event without its empty line: none", "data: a\n\ndata: b\n", [["", undefined, "a"]]],
  ["a last line without its end: none", "data: a\n\ndata: b", [["", undefined, "a"]]],
  ["any UTF-8", "data: žluť 🎵\n\n", [["", undefined, "žluť 🎵"]]],
];

test.each(STREAMS)(
  "EventParser reads %s, however it is cut [http/events]",
  (_name, text, events) => {
    for (const size of [1_000_000, 1, 2, 3, 7]) {
      const heard = new Listener().take(text, size).end();
      expect<unknown>(heard.events).toEqual(events);
      const lost = heard.lostBytes.unfinished_line ?? 0;
      expect(heard.eventBytes + heard.noiseBytes + lost).toBe(Buffer.byteLength(text));
      expect(heard.held.total).toBe(0);
    }
  },
);

test("EventParser gives an event as soon as its empty line has begun", () => {
  const heard = new Listener();
  heard.take("data: a\r\n");
  expect(heard.events).toEqual([]);
  heard.take("\r");
  expect(heard.events).toEqual([["", undefined, "a"]]);
  heard.take("\ndata: b\r\n\r\n").end();
  expect(heard.events).toHaveLength(2);
});

test("EventParser counts what carried an event: its data lines with their names and ends", () => {
  const heard = new Listener().take("id: 1\ndata: a\ndata: b\n: c\n\n");
  expect([heard.eventBytes, heard.noiseBytes]).toEqual([16, 11]);
});

test("EventParser loses an event over the limit, of one line or of many, and hears the next", () => {
  const long = `data: ${"x".repeat(200)}\n\n`;
  const many = `${"data: x\n".repeat(100)}\n`;
  for (const text of [long, many]) {
    for (const size of [1_000_000, 1, 50]) {
      const heard = new Listener(100).take(`${text}data: a\n\n`, size).end();
      expect(heard.events).toEqual([["", undefined, "a"]]);
      expect(heard.lostBytes).toEqual({ line_too_long: text.length - 1 });
      expect(heard.held.total).toBe(0);
    }
  }
});

test("EventParser holds no more of a field than it needs, however long the line", () => {
  const heard = new Listener();
  heard.take(`id: ${"7".repeat(500_000)}`, 1000);
  heard.take(`${"7".repeat(500_000)}\n: ${"c".repeat(500_000)}`, 1000);
  expect(heard.held.total).toBeLessThan(8192);
  heard.take("\ndata: a\n\n").end();
  expect(heard.events).toEqual([["", undefined, "a"]]);
});

test.each([
  ["a field begins", 'data: {"b":1}\n\n', [["", undefined, '{"b":1}']]],
  ["a comment begins", ": x\ndata: b\n\n", [["", undefined, "b"]]],
  ["the rest of an event lies", 'rest"}\nid: 3\n\ndata: b\n\n', [["", undefined, "b"]]],
])("EventParser finds the next event behind a hole where %s", (_what, text, events) => {
  const heard = new Listener().take("data: lost");
  heard.parser.cut("cut_by_gap", true);
  expect(heard.lostBytes).toEqual({ cut_by_gap: 10 });
  heard.take(text).end();
  expect<unknown>(heard.events).toEqual(events);
});

test("EventParser gives no event that was cut to free memory, and the next one", () => {
  const heard = new Listener().take("data: big");
  heard.parser.cut("memory_limit", false);
  heard.take("data: still of it\n\ndata: b\n\n").end();
  expect(heard.events).toEqual([["", undefined, "b"]]);
});

test("EventParser takes ten times as long for ten times as many events, not a hundred times", () => {
  const event = `id: 1\nevent: message\ndata: {"jsonrpc":"2.0","method":"${"x".repeat(200)}"}\n\n`;
  const measure = (count: number) => {
    const text = event.repeat(count);
    const started = Bun.nanoseconds();
    expect(new Listener().take(text, 1000).events).toHaveLength(count);
    return Bun.nanoseconds() - started;
  };
  expect(growth(measure, 1000, 10_000)).toBeLessThan(40);
});
