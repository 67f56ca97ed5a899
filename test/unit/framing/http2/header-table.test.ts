import { expect, test } from "bun:test";
import { HeaderTable } from "../../../../src/framing/http2/header-table.ts";
import { block, indexed, literal, named, resize } from "./frames.ts";

class Reader {
  readonly held = { total: 0 };
  readonly table = new HeaderTable(this.held);

  read(bytes: Uint8Array | string): unknown[] {
    const buffer = typeof bytes === "string" ? Buffer.from(bytes, "hex") : Buffer.from(bytes);
    const fields: string[] = [];
    const reading = this.table.read(buffer, (name, value) => fields.push(`${name}: ${value}`));
    return [reading, ...fields];
  }
}

/** RFC 7541, C.3 to C.6, with only those of their fields of which something is made. */
const ASKED = [":method: GET", ":path: /", ":authority: www.example.com"];
const REQUESTS = {
  "as they are": [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
  ],
  "in Huffman's code": [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
  ],
};

test.each(Object.entries(REQUESTS))(
  "HeaderTable reads RFC 7541's requests, %s [http2/headers]",
  (_, blocks) => {
    const reader = new Reader();
    reader.table.begin();
    expect(blocks.map((each) => reader.read(each))).toEqual([
      ["whole", ...ASKED.slice(0, 1), ":scheme: http", ...ASKED.slice(1)],
      ["whole", ...ASKED.slice(0, 1), ":scheme: http", ...ASKED.slice(1)],
      [
        "whole",
        ":method: GET",
        ":scheme: https",
        ":path: /index.html",
        ":authority: www.example.com",
      ],
    ]);
  },
);

const RESPONSES = {
  "as they are": [
    "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
    "4803333037c1c0bf",
    "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
  ],
  "in Huffman's code": [
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
  ],
};

test.each(Object.entries(RESPONSES))(
  "HeaderTable reads RFC 7541's answers, with entries that make room, %s",
  (_, blocks) => {
    const reader = new Reader();
    expect(reader.read(resize(256))).toEqual(["whole"]);
    expect(blocks.map((each) => reader.read(each))).toEqual([
      ["whole", ":status: 302"],
      ["whole", ":status: 307"],
      ["whole", ":status: 200", "content-encoding: gzip"],
    ]);
  },
);

test("HeaderTable keeps neither credentials nor what nobody asks for, and their places all the same", () => {
  const reader = new Reader();
  const secret = "Bearer very-secret";
  const sent = [
    literal(["mcp-session-id", "s-1"], true),
    literal(["authorization", secret], true),
    literal(["x-anything", "x".repeat(100)], true),
  ];
  expect(reader.read(Buffer.concat(sent))).toEqual(["whole", "mcp-session-id: s-1"]);
  const kept = reader.held.total;
  expect(kept).toBe(14 + 3 + 13 + secret.length + 10 + 100 + 3 * 32);
  expect(reader.read(Buffer.concat([indexed(62), indexed(63), indexed(64)]))).toEqual([
    "whole",
    "mcp-session-id: s-1",
  ]);
  expect(Bun.inspect(reader, { depth: 20 })).not.toContain("very-secret");
  // a name by its place is none of interest either
  expect(reader.read(named(63, "another"))).toEqual(["whole"]);
});

test("HeaderTable finds what was added since it listens, and says of the rest that it is unknown", () => {
  const reader = new Reader();
  const first = [indexed(70), literal(["mcp-name", "a"], true), indexed(63), named(64, "v", true)];
  expect(reader.read(Buffer.concat(first))).toEqual(["partly", "mcp-name: a"]);
  // the newest entry is the one whose name is unknown
  expect(reader.read(Buffer.concat([indexed(63)]))).toEqual(["whole", "mcp-name: a"]);
  expect(reader.read(Buffer.concat([indexed(62)]))).toEqual(["whole"]);
});

test("HeaderTable forgets what it holds where blocks were missed", () => {
  const reader = new Reader();
  reader.read(literal(["mcp-name", "a"], true));
  reader.table.forget();
  expect(reader.held.total).toBe(0);
  expect(reader.read(indexed(62))).toEqual(["partly"]);
});

test("HeaderTable follows the size that blocks say, up to a limit of its own", () => {
  const reader = new Reader();
  reader.table.begin();
  const entry = literal(["mcp-name", "x".repeat(1000)], true);
  for (let i = 0; i < 10; i++) reader.read(entry);
  expect(reader.held.total).toBe(3 * 1040);
  reader.read(Buffer.concat([resize(0), resize(0x7fffff)]));
  expect(reader.held.total).toBe(0);
  for (let i = 0; i < 100; i++) reader.read(entry);
  expect(reader.held.total).toBe(63 * 1040);
  expect(reader.read(indexed(62 + 62))[0]).toBe("whole");
  expect(reader.read(indexed(62 + 63))[0]).toBe("partly");
});

test.each([
  ["an index without its end", "ff8080"],
  ["an index that is no number", "ff80808080808080"],
  ["index 0", "80"],
  ["a text that is longer than its block", "00056162"],
  ["an empty code of Huffman's", "008161"],
  ["the end of Huffman's code inside", "0084ffffffff0161"],
])("HeaderTable calls %s bad, and reads on without what it held", (_, hex) => {
  const reader = new Reader();
  reader.read(literal(["mcp-name", "a"], true));
  expect(reader.read(hex)[0]).toBe("bad");
  expect(reader.held.total).toBe(0);
  expect(reader.read(block([[":status", "200"]]))).toEqual(["whole", ":status: 200"]);
});

test("HeaderTable gives out no more than a list may hold, however often an entry is repeated [http2/bounds]", () => {
  const reader = new Reader();
  reader.read(literal(["accept", "x".repeat(4000)], true));
  const [reading, ...fields] = reader.read(Buffer.alloc(64 * 1024, indexed(62)));
  expect(reading).toBe("partly");
  expect(fields.length).toBeLessThan(40);
});
