/** Views of a file: the same bytes wherever windows and pages are cut, and nothing beyond its end. */
import { expect, test } from "bun:test";
import { FileView } from "../../../src/libraries/file-view.ts";
import { readerOf } from "./make-elf.ts";

const MEBIBYTE = 1024 * 1024;
const NEEDLE = Buffer.from("needle");

function viewOf(bytes: Buffer, most?: number): FileView {
  return new FileView(readerOf(bytes, most), bytes.length);
}

test("FileView reads numbers across its pages, and zeros beyond the end", () => {
  const bytes = Buffer.alloc(200_000);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7) & 0xff;
  const view = viewOf(bytes, 777);
  for (const at of [0, 65_533, 65_536, 131_070, 12, 199_992]) {
    expect([view.u8(at), view.u16(at), view.u32(at), view.u64(at)]).toEqual([
      bytes.readUInt8(at),
      bytes.readUInt16LE(at),
      bytes.readUInt32LE(at),
      Number(bytes.readBigUInt64LE(at)),
    ]);
  }
  for (const at of [199_999, 200_000, -1, Number.NaN, 2 ** 60]) expect(view.u32(at)).toBe(0);
});

test("FileView.bytes is cut at the end, and empty where too much is asked for", () => {
  const view = viewOf(Buffer.from("0123456789"));
  expect(view.bytes(8, 5).toString()).toBe("89");
  expect([view.bytes(10, 1), view.bytes(-1, 2), view.bytes(0, 2 ** 40), view.bytes(0, -1)]).toEqual(
    new Array(4).fill(Buffer.alloc(0)),
  );
});

test("FileView.text ends at a NUL, or is none", () => {
  const view = viewOf(Buffer.from("abc\0def"));
  expect([view.text(0, 8), view.text(3, 8), view.text(4, 8), view.text(0, 2)]).toEqual([
    "abc",
    "",
    undefined,
    undefined,
  ]);
});

test("FileView.findAll finds what lies across windows once", () => {
  const places = [0, MEBIBYTE - 3, MEBIBYTE + 40, 2 * MEBIBYTE - 20, 3 * MEBIBYTE - 6];
  const bytes = Buffer.alloc(3 * MEBIBYTE);
  for (const at of places) NEEDLE.copy(bytes, at);
  expect(viewOf(bytes).findAll(NEEDLE, 0, bytes.length, 100)).toEqual(places);
  expect(viewOf(bytes, 4000).findAll(NEEDLE, 1, bytes.length - 1, 2)).toEqual(places.slice(1, 3));
});

test("FileView.scan ends when the file gives less than it was said to have", () => {
  const view = new FileView(readerOf(Buffer.alloc(10)), 10 * MEBIBYTE);
  const seen: number[] = [];
  view.scan(0, 10 * MEBIBYTE, 4, (window) => {
    seen.push(window.length);
    return undefined;
  });
  expect(seen).toEqual([10]);
});
