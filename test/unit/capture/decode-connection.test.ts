import { expect, test } from "bun:test";
import { Decoder } from "../../../src/capture/decode.ts";
import type { KernelEvent } from "../../../src/capture/types.ts";
import {
  type ConnectionFields,
  connectionRecord,
  fileChangeRecord,
  payloadRecord,
} from "./connection-records.ts";
import { inRing } from "./records.ts";

function decode(...records: readonly Buffer[]): KernelEvent[] {
  const span = Buffer.concat(records.map((record) => inRing(record)));
  const view = new DataView(span.buffer, span.byteOffset, span.length);
  const events: KernelEvent[] = [];
  new Decoder(view, span).decode(0, span.length, (event) => events.push(event));
  return events;
}

const TCP = { kind: 14, what: 2, family: 2, type: 1, protocol: 6 } as const;
const UNIX = { kind: 14, what: 1, family: 1, type: 1, protocol: 0 } as const;
const IPV4 = Buffer.from("00000000000000000000ffff0a000001", "hex");
const OTHER_IPV4 = Buffer.from("00000000000000000000ffff8c527906", "hex");
const IPV6 = Buffer.from("20010db8000000000000000000000001", "hex");

test("Decoder reads every field of what became of a connection", () => {
  const record = connectionRecord({
    ...TCP,
    timeNs: 7_000_000_123_456,
    socket: 0xffff_8881_0123_4560n,
    startNs: 6_000_000_123_456,
    establishedNs: 6_500_000_123_456,
    ownerStartNs: 5_000_000_000_007,
    sent: 300,
    received: 40,
    inode: 4711,
    peerSocket: 0xffff_8881_0123_9990n,
    tgid: 21,
    peerTgid: 22,
    flags: 1 + 4 + 16,
    error: 104,
    state: 7,
    previous: 5,
    netns: 4_026_531_840,
    ownPort: 40_000,
    peerPort: 443,
    ownAddress: IPV4,
    peerAddress: OTHER_IPV4,
    comm: "python3",
  });
  expect(decode(record)).toEqual([
    {
      kind: "connection",
      what: "outcome",
      timeNs: 7_000_000_123_000,
      socket: 0x1f_8881_0123_4560,
      startNs: 6_000_000_123_000,
      establishedNs: 6_500_000_123_000,
      pid: 21,
      ownerStartNs: 5_000_000_000_007,
      comm: "python3",
      sent: 300,
      received: 40,
      inode: 4711,
      peerSocket: 0x1f_8881_0123_9990,
      peerPid: 22,
      isAccepted: true,
      isBefore: false,
      finSent: true,
      finReceived: false,
      isReset: true,
      isFailed: false,
      listens: false,
      errno: "ECONNRESET",
      state: 7,
      previous: 5,
      netns: 4_026_531_840,
      family: "inet",
      socketType: "stream",
      protocol: "tcp",
      local: { address: "10.0.0.1", port: 40_000 },
      remote: { address: "140.82.121.6", port: 443 },
      path: "",
    },
  ]);
});

test.each([
  [2, { isBefore: true }],
  [8, { finReceived: true }],
  [32, { isFailed: true }],
  [64, { listens: true }],
])("Decoder reads flag %d of a connection", (flags, expected) => {
  expect(decode(connectionRecord({ ...TCP, flags }))).toEqual([expect.objectContaining(expected)]);
});

test.each<[Partial<ConnectionFields>, object]>([
  [{ what: 1 }, { what: "attempt" }],
  [{ what: 3 }, { what: "end" }],
  [{ what: 4 }, { what: "found" }],
  [{ what: 5 }, { what: "gone" }],
  [
    { family: 10, peerAddress: IPV6 },
    { family: "inet6", remote: { address: "2001:db8::1", port: 0 } },
  ],
  [
    { type: 2, protocol: 17 },
    { socketType: "dgram", protocol: "udp" },
  ],
  [
    { family: 1, type: 5, protocol: 0 },
    { socketType: "seqpacket", protocol: "unix" },
  ],
  [
    { establishedNs: 0, error: 0 },
    { establishedNs: undefined, errno: undefined },
  ],
  [
    { tgid: 0, comm: "stale" },
    { pid: 0, comm: "" },
  ],
])("Decoder reads of a connection %j", (fields, expected) => {
  expect(decode(connectionRecord({ ...TCP, ...fields }))).toEqual([
    expect.objectContaining(expected),
  ]);
});

test.each([{ what: 0 }, { what: 6 }, { family: 16 }, { type: 3 }])(
  "Decoder skips a connection of an unknown kind: %j",
  (fields) => {
    const events = decode(connectionRecord({ ...TCP, ...fields }), connectionRecord(TCP));
    expect(events).toHaveLength(1);
  },
);

test.each([
  ["/run/x.sock", "/run/x.sock"],
  ["/run/x.sock\0left over", "/run/x.sock"],
  ["\0abstract", "@abstract"],
  ["\0a\0b", "@a@b"],
  ["\0", ""],
  ["", ""],
  ["/".padEnd(108, "x"), "/".padEnd(108, "x")],
])("Decoder reads the Unix path %j as %j", (path, expected) => {
  expect(decode(connectionRecord({ ...UNIX, path }))).toEqual([
    expect.objectContaining({ path: expected }),
  ]);
});

test("Decoder tells apart addresses that end alike", () => {
  // the last 8 bytes are those of the mapped one
  const mapped = Buffer.from("20010db8000000000000ffff0a000001", "hex");
  const addresses = [IPV4, mapped, IPV4, mapped].map((peerAddress) =>
    connectionRecord({ ...TCP, peerAddress }),
  );
  const texts = decode(...addresses).map((event) =>
    event.kind === "connection" ? event.remote.address : event.kind,
  );
  expect(texts).toEqual(["10.0.0.1", "2001:db8::ffff:a00:1", "10.0.0.1", "2001:db8::ffff:a00:1"]);
});

test.each([
  [15, "greeting"],
  [16, "dns"],
] as const)("Decoder gives the bytes of a record %d and no others", (number, kind) => {
  const [event] = decode(payloadRecord(number, 4_000, Buffer.from("GET /")));
  expect(event).toMatchObject({ kind, timeNs: 5_000, startNs: 4_000, socket: 0x1f_8881_0123_4560 });
  expect(event !== undefined && "payload" in event && Buffer.from(event.payload).toString()).toBe(
    "GET /",
  );
});

const WORK = { directories: ["work", "home"], name: "a.txt" };

test.each([
  [1, "create"],
  [2, "write"],
  [4, "unlink"],
] as const)("Decoder reads the change %d of a file", (number, change) => {
  expect(decode(fileChangeRecord(number, WORK))).toEqual([
    {
      kind: "file-change",
      change,
      timeNs: 9_000_000,
      pid: 21,
      startNs: 8_000_007,
      comm: "git",
      path: "/home/work/a.txt",
      to: undefined,
    },
  ]);
});

test.each([
  [{ directories: ["work", "home"], name: "../b" }, "/home/b"],
  [{ directories: ["work", "home"], name: "./c//d/." }, "/home/work/c/d"],
  [{ directories: ["work"], name: "../../../../etc/x" }, "/etc/x"],
  [{ directories: ["work", "home"], name: "/tmp/lock" }, "/tmp/lock"],
  [{ directories: [], name: "e" }, "/e"],
  [{ directories: ["work", "home"], name: "" }, "/home/work"],
  [{ directories: [], name: "" }, ""],
])("Decoder reads where a file is renamed to: %j is %p", (to, expected) => {
  expect(decode(fileChangeRecord(3, WORK, to))).toEqual([
    expect.objectContaining({ change: "rename", path: "/home/work/a.txt", to: expected }),
  ]);
});

test("Decoder skips a change of a file that it does not know", () => {
  expect(decode(fileChangeRecord(9, WORK))).toEqual([]);
});
