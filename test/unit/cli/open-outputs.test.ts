import { afterEach, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { openSinks } from "../../../src/cli/open-sinks.ts";
import type { LineKind, OutputOptions } from "../../../src/cli/types.ts";
import type { CoverageLine, ExchangeItem } from "../../../src/exchange/types.ts";
import { OutputError } from "../../../src/sinks/errors.ts";
import { openForReading } from "../../../src/store/open-database.ts";
import { summary } from "../sinks/items.ts";
import { TemporaryFolder } from "../sinks/temporary-folder.ts";

const NO_FILTERS = { transports: [], methods: [], tools: [], servers: [], hosts: [] };
const KINDS: readonly LineKind[] = ["message", "session", "loss", "coverage"];

function open(path: string, fields: Partial<OutputOptions> = {}) {
  return openSinks({
    outputs: {
      stdout: "none",
      color: "never",
      files: [{ pattern: path, rotateBytes: undefined, rotateMs: undefined, keep: undefined }],
      quiet: false,
      raw: false,
      redact: false,
      kinds: KINDS,
      filters: NO_FILTERS,
      verbosity: 0,
      ...fields,
    },
    maxMessages: undefined,
    clock: { toUnixMicros: (ns) => Math.floor(ns / 1000) },
    now: () => new Date(2026, 10, 20, 12, 34, 56),
    isLive: true,
    hasFiles: false,
  });
}

function coverage(reason: string): CoverageLine {
  return {
    kind: "coverage",
    reason,
    channel: undefined,
    process: undefined,
    bytes: 0,
    timeNs: 1_000,
  };
}

function loss(): ExchangeItem {
  return { kind: "loss", channel: undefined, bytes: 5, reason: "ring_full", timeNs: 1_000 };
}

function kindsIn(path: string): unknown[] {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => Reflect.get(Object(JSON.parse(line)), "kind"));
}

const sudo = [process.env["SUDO_UID"], process.env["SUDO_GID"]] as const;

function asCaller(uid: string | undefined, gid: string | undefined): void {
  const ids = { SUDO_UID: uid, SUDO_GID: gid };
  for (const [name, value] of Object.entries(ids)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

afterEach(() => asCaller(...sudo));

test("openSinks writes NDJSON into a file named by the time, whatever stdout shows", async () => {
  using folder = new TemporaryFolder();
  const outputs = open(folder.at("%Y%m%d-%H%M.ndjson"));
  await outputs.write([coverage("io_uring"), loss()]);
  await outputs.flush();
  expect(kindsIn(folder.at("20261120-1234.ndjson"))).toEqual(["coverage", "loss"]);
  expect(outputs.readerGone()).toBe(false);
});

test("openSinks writes only the kinds that were asked for", async () => {
  using folder = new TemporaryFolder();
  const outputs = open(folder.at("out"), { kinds: ["loss"] });
  await outputs.write([coverage("io_uring"), loss()]);
  await outputs.flush();
  expect(kindsIn(folder.at("out"))).toEqual(["loss"]);
});

test("openSinks makes files that only their owner can read", async () => {
  using folder = new TemporaryFolder();
  open(folder.at("out"));
  expect(statSync(folder.at("out")).mode & 0o777).toBe(0o600);
});

const isRoot = process.geteuid?.() === 0;

test.skipIf(!isRoot)("root: openSinks gives new files to the caller of sudo", () => {
  using folder = new TemporaryFolder();
  asCaller("65534", "65533");
  open(folder.at("theirs"));
  const { uid, gid } = statSync(folder.at("theirs"));
  expect([uid, gid]).toEqual([65_534, 65_533]);
});

test.each(["", "-1", "0x10", "1 2", "99999999999"])(
  "openSinks keeps new files its own when SUDO_UID is %p",
  (uid) => {
    using folder = new TemporaryFolder();
    asCaller(uid, uid);
    open(folder.at("ours"));
    expect(statSync(folder.at("ours")).uid).toBe(process.geteuid?.() ?? -1);
  },
);

test("openSinks refuses a file that it cannot make", () => {
  using folder = new TemporaryFolder();
  expect(() => open(folder.at("no/such/folder/out"))).toThrow(OutputError);
});

test("openSinks stores all kinds in a history, whatever a file is to hold", async () => {
  using folder = new TemporaryFolder();
  const database = {
    path: folder.at("x.db"),
    keepMs: undefined,
    keepBytes: undefined,
    bodyBytes: 65_536,
  };
  const outputs = open(folder.at("out"), { kinds: ["loss"], database });
  expect(await outputs.write([coverage("io_uring"), loss()])).toBeUndefined();
  await outputs.close(summary());
  expect(kindsIn(folder.at("out"))).toEqual(["loss", "summary"]);
  using db = openForReading(folder.at("x.db"));
  expect(db.query("SELECT kind, reason FROM not_heard ORDER BY 1").all()).toEqual([
    { kind: "coverage", reason: "io_uring" },
    { kind: "loss", reason: "ring_full" },
  ]);
  expect(outputs.droppedRows).toBe(0);
  expect(outputs.streamed).toBeGreaterThan(0);
});

test("openSinks refuses a history that cannot be made", () => {
  using folder = new TemporaryFolder();
  const limits = { keepMs: undefined, keepBytes: undefined, bodyBytes: 65_536 };
  const database = { path: folder.at("no/such/folder/x.db"), ...limits };
  expect(() => open(folder.at("out"), { database })).toThrow(OutputError);
});
