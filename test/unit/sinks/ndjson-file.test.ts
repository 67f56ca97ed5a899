import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { OutputError } from "../../../src/sinks/errors.ts";
import { NdjsonFile } from "../../../src/sinks/ndjson-file.ts";
import type { RotationRule } from "../../../src/sinks/rotation.ts";
import { callRequest, clock, loss, message, messageLine, summary } from "./items.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { assertNdjsonText } from "./validate.ts";

const NO_ROTATION: RotationRule = { bytes: undefined, intervalMs: undefined, keep: undefined };

function open(pattern: string, rotation: Partial<RotationRule> = {}, now = () => new Date()) {
  return new NdjsonFile({
    pattern,
    rotation: { ...NO_ROTATION, ...rotation },
    owner: undefined,
    now,
    clock,
    raw: false,
    redactor: undefined,
  });
}

const kindsIn = (path: string) =>
  assertNdjsonText(readFileSync(path, "utf8")).map((line) => `${line["kind"]}`);

describe("NdjsonFile", () => {
  test("NdjsonFile has written every batch when write returns, and the summary last", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out.ndjson"));
    await sink.write([callRequest(), loss()]);
    expect(kindsIn(folder.at("out.ndjson"))).toEqual(["message", "loss"]);
    await sink.write([]);
    await sink.write([callRequest()]);
    await sink.close(summary());
    expect(kindsIn(folder.at("out.ndjson"))).toEqual(["message", "loss", "message", "summary"]);
  });

  test("NdjsonFile writes a batch of many chunks in order", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out.ndjson"));
    await sink.write(Array.from({ length: 3000 }, (_, bytes) => loss({ bytes })));
    await sink.close(summary());
    const lines = assertNdjsonText(readFileSync(folder.at("out.ndjson"), "utf8"));
    expect(lines.slice(0, -1).map((line) => line["bytes"])).toEqual(
      Array.from({ length: 3000 }, (_, bytes) => bytes),
    );
  });

  test("NdjsonFile expands strftime conversions in local time", () => {
    using folder = new TemporaryFolder();
    const sink = open(
      folder.at("%Y%m%d-%H%M%S-100%%.ndjson"),
      {},
      () => new Date(2026, 10, 20, 9, 5, 7),
    );
    expect(sink.path).toBe(folder.at("20261120-090507-100%.ndjson"));
  });

  test("NdjsonFile rotates by size without splitting a line, and numbers the older files", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out"), { bytes: 1000 });
    for (let bytes = 0; bytes < 10; bytes += 1) await sink.write([loss({ bytes })]);
    await sink.close(summary());
    const names = readdirSync(folder.path).sort();
    expect(names).toEqual(["out", "out.1", "out.2"]);
    const bytesIn = (name: string) =>
      assertNdjsonText(readFileSync(folder.at(name), "utf8")).map(
        (line) => line["bytes"] ?? line["kind"],
      );
    // Four lines of some 220 bytes fill 1,000; the summary follows the last of them.
    expect([...bytesIn("out.2"), ...bytesIn("out.1"), ...bytesIn("out")]).toEqual([
      0,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
      "summary",
    ]);
    expect(readFileSync(folder.at("out.1")).length).toBeLessThanOrEqual(1000);
    expect(readFileSync(folder.at("out.2")).length).toBeLessThanOrEqual(1000);
  });

  test.each([{ bytes: 4096 }, { intervalMs: 3_600_000 }])(
    "NdjsonFile refuses to rotate a device by %j, which would take it from the whole host",
    (rule) => {
      expect(() => open("/dev/null", rule)).toThrow(OutputError);
      expect(() => open("/dev/null", rule)).toThrow(
        'Cannot rotate "/dev/null": is no regular file, one wanted',
      );
      expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
    },
  );

  test("NdjsonFile rotates inside one batch too", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out"), { bytes: 1000 });
    await sink.write(Array.from({ length: 10 }, (_, bytes) => loss({ bytes })));
    await sink.close(summary());
    expect(readdirSync(folder.path).sort()).toEqual(["out", "out.1", "out.2"]);
    expect(kindsIn(folder.at("out"))).toEqual(["loss", "loss", "summary"]);
  });

  test("NdjsonFile gives a line that is longer than the limit a file of its own", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out"), { bytes: 10 });
    await sink.write([loss(), loss()]);
    await sink.close(summary());
    expect(kindsIn(folder.at("out.1"))).toEqual(["loss"]);
    expect(kindsIn(folder.at("out"))).toEqual(["loss", "summary"]);
  });

  test("NdjsonFile rotates around a line that comes in pieces", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out"), { bytes: 1000 });
    const text = JSON.stringify({ long: "x".repeat(600_000) });
    const long = messageLine({ message: message({ raw: text, paramsText: text }) });
    await sink.write([loss(), long, loss()]);
    await sink.close(summary());
    expect(kindsIn(folder.at("out.2"))).toEqual(["loss"]);
    expect(kindsIn(folder.at("out.1"))).toEqual(["message"]);
    expect(kindsIn(folder.at("out"))).toEqual(["loss", "summary"]);
  });

  test("NdjsonFile keeps so many finished files and no more", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out"), { bytes: 10, keep: 2 });
    for (let bytes = 0; bytes < 6; bytes += 1) await sink.write([loss({ bytes })]);
    await sink.close(summary());
    expect(readdirSync(folder.path).sort()).toEqual(["out", "out.1", "out.2"]);
    expect(readFileSync(folder.at("out.2"), "utf8")).toContain('"bytes":3}');
  });

  test("NdjsonFile keeps no finished file when asked for none", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out"), { bytes: 10, keep: 0 });
    await sink.write([loss(), loss(), callRequest()]);
    await sink.close(summary());
    expect(readdirSync(folder.path)).toEqual(["out"]);
    expect(kindsIn(folder.at("out"))).toEqual(["message", "summary"]);
  });

  test("NdjsonFile rotates batches that are longer than its chunks", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out"), { bytes: 600_000 });
    await sink.write(Array.from({ length: 5000 }, (_, bytes) => loss({ bytes })));
    await sink.close(summary());
    expect(readdirSync(folder.path).sort()).toEqual(["out", "out.1"]);
    const lines = ["out.1", "out"].flatMap((name) =>
      assertNdjsonText(readFileSync(folder.at(name), "utf8")),
    );
    expect(lines.slice(0, -1).map((line) => line["bytes"])).toEqual(
      Array.from({ length: 5000 }, (_, bytes) => bytes),
    );
    expect(statSync(folder.at("out.1")).size).toBeLessThanOrEqual(600_000);
    expect(statSync(folder.at("out.1")).size).toBeGreaterThan(599_000);
  });

  test("NdjsonFile says what it cannot rotate", async () => {
    using folder = new TemporaryFolder();
    mkdirSync(folder.at("out.1"));
    const sink = open(folder.at("out"), { bytes: 10, keep: 1 });
    const failure = await Promise.resolve(sink.write([loss(), loss()])).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(OutputError);
    expect(failure).toMatchObject({ path: folder.at("out") });
    expect(kindsIn(folder.at("out"))).toEqual(["loss"]);
  });

  test("NdjsonFile refuses a name that is none", () => {
    expect(() => open("")).toThrow(OutputError);
    expect(() => open("a\0b")).toThrow(OutputError);
  });

  test("NdjsonFile changes files on the hour, each named by its date, and keeps so many", async () => {
    using folder = new TemporaryFolder();
    let hour = 9;
    let minute = 50;
    const sink = open(
      folder.at("%H.ndjson"),
      { intervalMs: 3_600_000, keep: 1 },
      () => new Date(2026, 10, 20, hour, minute),
    );
    await sink.write([loss({ bytes: 1 })]);
    minute = 59;
    await sink.write([loss({ bytes: 2 })]);
    hour = 10;
    minute = 0;
    await sink.write([loss({ bytes: 3 })]);
    hour = 11;
    await sink.write([loss({ bytes: 4 })]);
    await sink.close(summary());
    expect(readdirSync(folder.path).sort()).toEqual(["10.ndjson", "11.ndjson"]);
    expect(kindsIn(folder.at("10.ndjson"))).toEqual(["loss"]);
    expect(kindsIn(folder.at("11.ndjson"))).toEqual(["loss", "summary"]);
  });

  test("NdjsonFile numbers the older files when the name says nothing of the hour", async () => {
    using folder = new TemporaryFolder();
    let hour = 9;
    const sink = open(
      folder.at("out"),
      { intervalMs: 3_600_000 },
      () => new Date(2026, 10, 20, hour),
    );
    await sink.write([loss()]);
    hour = 10;
    await sink.write([callRequest()]);
    await sink.close(summary());
    expect(kindsIn(folder.at("out.1"))).toEqual(["loss"]);
    expect(kindsIn(folder.at("out"))).toEqual(["message", "summary"]);
  });

  test("NdjsonFile reopens its name after logrotate has moved the file away", async () => {
    using folder = new TemporaryFolder();
    const sink = open(folder.at("out"));
    await sink.write([loss()]);
    renameSync(folder.at("out"), folder.at("moved"));
    await sink.write([loss()]);
    await sink.reopen();
    await sink.write([callRequest()]);
    await sink.close(summary());
    expect(kindsIn(folder.at("moved"))).toEqual(["loss", "loss"]);
    expect(kindsIn(folder.at("out"))).toEqual(["message", "summary"]);
  });

  test("NdjsonFile rejects with the path and the system's reason when the disk is full", async () => {
    const sink = open("/dev/full");
    const failure = await Promise.resolve(sink.write([loss()])).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OutputError);
    expect(failure).toMatchObject({
      message: 'Cannot write to "/dev/full": no space left on device (ENOSPC)',
      path: "/dev/full",
      code: "ENOSPC",
    });
    await expect(sink.close(summary())).rejects.toBeInstanceOf(OutputError);
  });
});
