import { expect, test } from "bun:test";
import fc from "fast-check";
import { readDnsAnswer } from "../../../src/connections/names/dns-answer.ts";
import { readGreeting } from "../../../src/connections/names/greeting.ts";
import { NameBook } from "../../../src/connections/names/name-book.ts";
import { event, setUp } from "./events.ts";

/** An alias, then two addresses, an OPT record; names compressed as RFC 1035, 4.1.4 has it. */
const ANSWER = Buffer.from(
  "1f2e81800001000300000001" +
    "03777777076578616d706c65036f72670000010001" +
    "c00c0005000100000e10000e04656467650363646e036e657400" +
    "c02d000100010000003c0004c0000207" +
    "c02d000100010000003c0004c0000208" +
    "0000291000000000000000",
  "hex",
);

const AAAA = Buffer.from(
  "0001818000010001000000000269360474657374" +
    "00001c0001c00c001c000100000e10001020010db8000000000000000000000001",
  "hex",
);

test("readDnsAnswer gives the addresses for the name that was asked for, behind an alias", () => {
  const answer = readDnsAnswer(ANSWER);
  expect(answer?.name).toBe("www.example.org");
  expect(answer?.addresses.map((each) => each.toString("hex"))).toEqual([
    "00000000000000000000ffffc0000207",
    "00000000000000000000ffffc0000208",
  ]);
});

test("readDnsAnswer reads a message behind its length, as on TCP", () => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(ANSWER.length);
  expect(readDnsAnswer(Buffer.concat([length, ANSWER]))?.addresses.length).toBe(2);
});

test.each([
  ["a question", (bytes: Buffer) => bytes.writeUInt8(0x01, 2)],
  ["an error", (bytes: Buffer) => bytes.writeUInt8(0x83, 3)],
  ["two questions", (bytes: Buffer) => bytes.writeUInt16BE(2, 4)],
  ["a name that runs out", (bytes: Buffer) => bytes.writeUInt8(63, 12)],
])("readDnsAnswer gives nothing for %s", (_, change) => {
  const bytes = Buffer.from(ANSWER);
  change(bytes);
  expect(readDnsAnswer(bytes)).toBeUndefined();
});

test("NameBook knows an address by its latest names, the last one last", () => {
  const book = new NameBook();
  for (const [index, letter] of [..."abcdeb"].entries()) {
    const bytes = Buffer.from(AAAA);
    bytes.write(letter, 13);
    book.learn(bytes, index);
  }
  expect(book.namesOf("2001:db8::1")).toEqual([
    { name: "c6.test", source: "dns", timeNs: 2 },
    { name: "d6.test", source: "dns", timeNs: 3 },
    { name: "e6.test", source: "dns", timeNs: 4 },
    { name: "b6.test", source: "dns", timeNs: 5 },
  ]);
  expect(book.namesOf("192.0.2.7")).toEqual([]);
});

/** A ClientHello of TLS 1.2 and 1.3, with extensions before the name. */
function clientHello(name: string): Buffer {
  const text = Buffer.from(name);
  const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
  const entry = Buffer.concat([Buffer.from([0]), u16(text.length), text]);
  const list = Buffer.concat([u16(entry.length), entry]);
  const extensions = Buffer.concat([
    Buffer.from([0x0a, 0x0a, 0, 0]),
    Buffer.concat([u16(43), u16(3), Buffer.from([2, 3, 4])]),
    Buffer.concat([u16(0), u16(list.length), list]),
  ]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([32]),
    Buffer.alloc(32, 9),
    u16(4),
    Buffer.from([0x13, 1, 0x13, 2]),
    Buffer.from([1, 0]),
    u16(extensions.length),
    extensions,
  ]);
  const handshake = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
  return Buffer.concat([Buffer.from([0x16, 3, 1]), u16(handshake.length), handshake]);
}

test.each<[string, Buffer, ReturnType<typeof readGreeting>]>([
  ["a ClientHello", clientHello("API.GitHub.com"), { name: "api.github.com", source: "sni" }],
  [
    "a request",
    Buffer.from("GET / HTTP/1.1\r\nhOST:  Example.org:8080\r\n\r\n"),
    { name: "example.org", source: "http" },
  ],
  [
    "an IPv6 host",
    Buffer.from("GET / HTTP/1.1\r\nHost: [::1]:3000\r\nA: b\r\n\r\n"),
    { name: "[::1]", source: "http" },
  ],
  ["a request to a proxy", Buffer.from("GET http://a.b/ HTTP/1.1\r\nHost: a.b\r\n\r\n"), undefined],
  ["a tunnel", Buffer.from("CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n"), undefined],
  ["a body", Buffer.from("POST / HTTP/1.1\r\nA: b\r\n\r\nHost: evil\r\n\r\n"), undefined],
  ["a host that is cut", Buffer.from("GET / HTTP/1.1\r\nHost: exam"), undefined],
  ["a host that is none", Buffer.from("GET / HTTP/1.1\r\nHost: \u001b[31m\r\n\r\n"), undefined],
  ["a name that is none", clientHello("a\u0000b"), undefined],
  ["something else", Buffer.from("SSH-2.0-OpenSSH_9.6\r\n"), undefined],
  ["nothing", Buffer.alloc(0), undefined],
])("readGreeting reads %s", (_, bytes, expected) => {
  expect(readGreeting(bytes)).toEqual(expected);
});

test("readGreeting and readDnsAnswer never throw, whatever they get, and however it is cut", () => {
  const some = fc.oneof(
    fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
    fc.nat(400).map((length) => clientHello("example.org").subarray(0, length)),
    fc.nat(100).map((length) => ANSWER.subarray(0, length)),
    fc.tuple(fc.nat(99), fc.nat(255)).map(([at, value]) => {
      const bytes = Buffer.concat([ANSWER, Buffer.alloc(20)]);
      bytes.writeUInt8(value, at);
      return bytes;
    }),
    fc.tuple(fc.nat(130), fc.nat(255)).map(([at, value]) => {
      const bytes = clientHello("example.org");
      bytes.writeUInt8(value, Math.min(at, bytes.length - 1));
      return bytes;
    }),
  );
  fc.assert(
    fc.property(some, (bytes) => {
      readGreeting(bytes);
      readDnsAnswer(bytes);
    }),
  );
});

test("ConnectionStage gives a connection the names that its address had, and then its own", () => {
  const { hear } = setUp();
  hear({ kind: "dns", timeNs: 1, socket: 1, startNs: 0, payload: ANSWER });
  const remote = { address: "192.0.2.8", port: 443 };
  const [start] = hear(event({ remote }));
  expect(start?.connection.names.map(({ name, source }) => [name, source])).toEqual([
    ["www.example.org", "dns"],
  ]);
  hear({
    kind: "greeting",
    timeNs: 2,
    socket: 100,
    startNs: event().startNs,
    payload: clientHello("a.org"),
  });
  hear({ kind: "greeting", timeNs: 2, socket: 100, startNs: 5, payload: clientHello("other.org") });
  const [last] = hear(event({ what: "end", remote }));
  expect(last?.connection.names.map(({ name }) => name)).toEqual(["www.example.org", "a.org"]);
});
