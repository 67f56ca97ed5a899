import { describe, expect, test } from "bun:test";
import { ReaderGone } from "../../../src/sinks/errors.ts";
import { NdjsonStream } from "../../../src/sinks/ndjson-stream.ts";
import { callAnswer, callRequest, clock, summary } from "./items.ts";
import { Pipe } from "./pipe.ts";
import { assertNdjsonText } from "./validate.ts";

const open = (pipe: Pipe) =>
  new NdjsonStream({ fd: pipe.writeFd, name: "the pipe", clock, raw: true, redactor: undefined });

describe("NdjsonStream", () => {
  test("NdjsonStream writes items in order and the summary last", async () => {
    using pipe = new Pipe();
    const sink = open(pipe);
    await sink.write([callRequest(), callAnswer()]);
    await sink.reopen();
    await sink.close(summary());
    const lines = assertNdjsonText((await pipe.read(65_536)).toString());
    expect(lines.map((line) => line["type"] ?? line["kind"])).toEqual([
      "request",
      "response",
      "summary",
    ]);
  });

  test("NdjsonStream rejects with ReaderGone when nobody reads any more", async () => {
    using pipe = new Pipe();
    const sink = open(pipe);
    expect(sink.readerGone()).toBe(false);
    pipe.closeReader();
    expect(sink.readerGone()).toBe(true);
    await sink.write([callRequest()]);
    await expect(sink.flush()).rejects.toBeInstanceOf(ReaderGone);
    await expect(sink.close(summary())).rejects.toBeInstanceOf(ReaderGone);
  });
});
