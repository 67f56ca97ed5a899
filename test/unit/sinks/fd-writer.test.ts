import { describe, expect, test } from "bun:test";
import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { OutputError, ReaderGone } from "../../../src/sinks/errors.ts";
import { FdWriter } from "../../../src/sinks/fd-writer.ts";
import { Pipe } from "./pipe.ts";

/** 200,000 numbered lines: some 1.4 MB, more than any pipe holds. */
const LINES = Array.from({ length: 200_000 }, (_, index) => `${index}\n`);

/** Reads in odd sizes until the writer is done and the pipe is empty. */
async function readAll(pipe: Pipe, done: Promise<void>): Promise<string> {
  const parts: Buffer[] = [];
  let writing = true;
  const finished = done.finally(() => {
    writing = false;
  });
  for (;;) {
    const wasWriting = writing;
    const part = await pipe.read(7919);
    if (part.length > 0) parts.push(part);
    else if (!wasWriting) break;
  }
  await finished;
  return Buffer.concat(parts).toString();
}

describe("FdWriter", () => {
  test.each([
    ["blocking", 0],
    ["non-blocking", constants.O_NONBLOCK],
  ])("FdWriter writes every byte once, in order, into a %s pipe", async (_, flags) => {
    using pipe = new Pipe(flags);
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    void writer.write(LINES);
    expect(await readAll(pipe, writer.flush())).toBe(LINES.join(""));
  });

  test("FdWriter asks its caller to wait while the reader does not read, and timers go on", async () => {
    using pipe = new Pipe();
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    const text = LINES.join("");
    const full = writer.write([text]);
    expect(full).toBeInstanceOf(Promise);
    let written = false;
    const waiting = Promise.resolve(full).then(() => {
      written = true;
    });
    await new Promise<void>((resolve) => setTimeout(resolve, 20));
    expect(written).toBe(false);
    expect(await readAll(pipe, waiting)).toBe(text);
    expect(writer.write(["x"])).toBeUndefined();
    await writer.flush();
  });

  test("FdWriter asks for no more than a MiB of texts ahead of its reader", async () => {
    using pipe = new Pipe();
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    const text = "x".repeat(100_000);
    let asked = 0;
    const texts = function* () {
      for (; asked < 50; asked++) yield text;
    };
    const done = Promise.resolve(writer.write(texts()));
    void writer.write(["the end"]);
    await new Promise<void>((resolve) => setTimeout(resolve, 20));
    expect(asked).toBeLessThan(15);
    expect(await readAll(pipe, done)).toBe(`${text.repeat(50)}the end`);
  });

  test("FdWriter is seen to write while a slow reader takes no more than 64 KiB now and then", async () => {
    using pipe = new Pipe();
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    const full = Promise.resolve(writer.write(["x".repeat(1 << 20)])).catch((error) => error);
    for (let taken = 0; taken < 4 << 16; ) {
      taken += (await pipe.read(1 << 16)).length;
      // what was taken makes room for as much: a write that waits for more than that says nothing
      while (writer.written < taken) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    pipe.closeReader();
    expect(await full).toBeInstanceOf(ReaderGone);
  });

  test("FdWriter takes small texts without a promise", async () => {
    using pipe = new Pipe();
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    expect(writer.write(["a\n"])).toBeUndefined();
    expect(writer.write([])).toBeUndefined();
    await writer.flush();
    expect((await pipe.read(100)).toString()).toBe("a\n");
  });

  test("FdWriter writes at once what a pipe has room for, without waiting on the one it was given", async () => {
    using pipe = new Pipe();
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    expect(writer.write(["a\n"])).toBeUndefined();
    expect({ written: writer.written, read: (await pipe.read(100)).toString() }).toEqual({
      written: 2,
      read: "a\n",
    });
    const flags = readFileSync(`/proc/self/fdinfo/${pipe.writeFd}`, "utf8");
    const open = Number.parseInt(/flags:\s+(\d+)/.exec(flags)?.[1] ?? "", 8);
    expect(open & constants.O_NONBLOCK).toBe(0);
    await writer.end();
  });

  test("FdWriter writes every byte once, in order, to a terminal, and at once what that has room for", async () => {
    let shown = "";
    const decoder = new TextDecoder();
    await using terminal = new Bun.Terminal({
      data: (_, bytes) => {
        shown += decoder.decode(bytes, { stream: true });
      },
    });
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "write-to-terminal.ts")], {
      terminal,
    });
    const code = await child.exited;
    const end = "199999\r\n";
    for (let polls = 0; !shown.endsWith(end) && polls < 500; polls++) await Bun.sleep(10);
    expect({ code, begins: shown.slice(0, 43) }).toEqual({
      code: 0,
      begins: '..\r\n{"atOnce":3,"nonBlocking":0}\r\n0\r\n1\r\n2\r\n',
    });
    expect(
      shown.slice(shown.indexOf("\n0\r") + 1) === LINES.join("").replaceAll("\n", "\r\n"),
    ).toBe(true);
  }, 30_000);

  test("FdWriter leaves no descriptor behind when it ends", async () => {
    using pipe = new Pipe();
    const before = readdirSync("/proc/self/fd").length;
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    void writer.write(["a\n"]);
    await writer.end();
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    expect((await pipe.read(100)).toString()).toBe("a\n");
  });

  test("FdWriter writes nothing into a pipe that it was given for reading", async () => {
    using pipe = new Pipe();
    const path = readlinkSync(`/proc/self/fd/${pipe.writeFd}`);
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = new FdWriter(fd, "the pipe");
    void writer.write(["a\n"]);
    await expect(writer.end()).rejects.toBeInstanceOf(OutputError);
    closeSync(fd);
    expect((await pipe.read(100)).length).toBe(0);
  });

  test("FdWriter fails with ReaderGone once the reader has gone, and again for every later call", async () => {
    using pipe = new Pipe();
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    pipe.closeReader();
    void writer.write(["a\n"]);
    await expect(writer.flush()).rejects.toBeInstanceOf(ReaderGone);
    await expect(Promise.resolve(writer.write(["b\n"]))).rejects.toBeInstanceOf(ReaderGone);
    await expect(writer.flush()).rejects.toBeInstanceOf(ReaderGone);
  });

  test("FdWriter ends a write that waits when its reader goes", async () => {
    using pipe = new Pipe();
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    const full = Promise.resolve(writer.write([LINES.join("")]));
    pipe.closeReader();
    await expect(full).rejects.toBeInstanceOf(ReaderGone);
  });

  test("FdWriter knows that the reader has gone without writing", () => {
    using pipe = new Pipe();
    const writer = new FdWriter(pipe.writeFd, "the pipe");
    expect(writer.readerGone()).toBe(false);
    pipe.closeReader();
    expect(writer.readerGone()).toBe(true);
  });

  test("FdWriter names the stream and the reason when writing fails", async () => {
    const fd = openSync("/dev/full", constants.O_WRONLY);
    try {
      const writer = new FdWriter(fd, "standard output");
      expect(writer.readerGone()).toBe(false);
      void writer.write(["a\n"]);
      const failure = await writer.flush().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(OutputError);
      expect(failure).toMatchObject({
        message: "Cannot write to standard output: no space left on device (ENOSPC)",
        path: "standard output",
        code: "ENOSPC",
      });
    } finally {
      closeSync(fd);
    }
  });
});
