import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import { redactor } from "../../../src/sinks/redact.ts";
import { readOne } from "../message/read-line.ts";
import {
  callAnswer,
  callRequest,
  clock,
  frame,
  message,
  messageLine,
  process,
  session,
  sessionLine,
} from "./items.ts";
import { assertNdjson } from "./validate.ts";

const plain = () => new NdjsonRenderer({ clock, raw: false, redactor: undefined });
const raw = () => new NdjsonRenderer({ clock, raw: true, redactor: undefined });

describe("NdjsonRenderer on messages", () => {
  test("NdjsonRenderer writes a request as the contract shows it", () => {
    const line = plain().item(callRequest());
    assertNdjson([line]);
    expect(line).toBe(
      '{"kind":"message","timestamp":"2026-11-20T12:34:56.789012Z","transport_type":"stdio",' +
        '"stdio_transport":{"from_pid":12345,"from_comm":"python","to_pid":12346,"to_comm":"python","channel":"pipe:4711"},' +
        '"session":"s1","direction":"client-to-server","seq":7,"type":"request","id":7,"method":"tools/call",' +
        '"target":"get_weather","params":{"name":"get_weather","arguments":{"city":"Oslo"}},"bytes":107}',
    );
  });

  test("NdjsonRenderer writes an answer with its request and durations", () => {
    const [line] = assertNdjson([plain().item(callAnswer())]);
    expect(line).toMatchObject({
      type: "response",
      id: 7,
      direction: "server-to-client",
      target: "get_weather",
      result: { content: [{ type: "text", text: "4 °C" }] },
      request: {
        method: "tools/call",
        params: { name: "get_weather", arguments: { city: "Oslo" } },
      },
      duration_ms: 23.4,
      server_ms: 22.9,
      queued_ms: 0.25,
    });
    expect(line).not.toHaveProperty("method");
    expect(line).not.toHaveProperty("flags");
    expect(line).not.toHaveProperty("raw");
  });

  test("NdjsonRenderer names who read a part of a line, and who left a session", () => {
    const other = process({ pid: 77, comm: "child\u001b" });
    const shared = frame("", { otherReaders: [other, { address: "10.0.0.5" }] });
    const flags = ["shared_line"] as const;
    const left = process({ pid: 9, exit: { timeNs: 1, code: undefined, signal: 9 } });
    const lines = assertNdjson([
      plain().item(messageLine({ message: message({ frame: shared }), flags })),
      plain().item(sessionLine({ event: "update", left })),
    ]);
    expect(lines).toMatchObject([
      { other_readers: [{ pid: 77, comm: "child\u001b" }], flags: ["shared_line"] },
      { left: { pid: 9, exit: { code: null, signal: 9 } } },
    ]);
  });

  test("NdjsonRenderer splices numbers, key order and odd strings unparsed", () => {
    const params = '{"b":12345678901234567890,"a":1.50e2,"a":"\\u0041\\/","__proto__":null}';
    const line = plain().item(
      messageLine({ message: message({ paramsText: params, raw: params }) }),
    );
    expect(line).toContain(`"params":${params},`);
    assertNdjson([line]);
  });

  test.each(["7", '"7"', "0", "1.5", "null", "-3", "9007199254740993"])(
    "NdjsonRenderer keeps the id %s as it is",
    (idText) => {
      const line = plain().item(messageLine({ message: message({ idText }) }));
      expect(line).toContain(`"id":${idText},`);
      assertNdjson([line]);
    },
  );

  test("NdjsonRenderer turns raw white space into spaces and escapes what a terminal obeys [output/terminal]", () => {
    const params = '{\r"a"\t:\r"\u009b31m\u202e\u2028\u007f"}';
    const line = plain().item(
      messageLine({ message: message({ paramsText: params, raw: params }) }),
    );
    expect(line).toContain('"params":{ "a" : "\\u009b31m\\u202e\\u2028\\u007f"}');
    expect(assertNdjson([line])[0]).toMatchObject({
      params: { a: "\u009b31m\u202e\u2028\u007f" },
    });
  });

  test("NdjsonRenderer gives the exact text with raw, white space and all", () => {
    const text = '{ "jsonrpc":"2.0",\r "id":7, "method":"x\u0085" }';
    const line = raw().item(messageLine({ message: message({ raw: text }) }));
    expect(assertNdjson([line])[0]).toMatchObject({ raw: text });
  });

  test("NdjsonRenderer writes batch, chain, call id and flags only where there are any", () => {
    const line = plain().item(
      messageLine({
        callId: '"c"',
        chain: "1",
        flags: ["duplicate_key", "bom"],
        message: message({
          type: "notification",
          idText: undefined,
          batch: { index: 1, size: 3 },
          bytes: 0,
        }),
      }),
    );
    expect(assertNdjson([line])[0]).toMatchObject({
      call_id: "c",
      chain: 1,
      flags: ["duplicate_key", "bom"],
      batch: { index: 1, size: 3 },
      bytes: 0,
    });
  });

  test("NdjsonRenderer quotes hostile names of processes and methods", () => {
    const evil = process({ comm: '","x":"\n\u001b[2J' });
    const line = plain().item(
      messageLine({ from: evil, message: message({ method: 'a"\n\u202eb\ud800' }) }),
    );
    expect(assertNdjson([line])[0]).toMatchObject({
      stdio_transport: { from_comm: '","x":"\n\u001b[2J' },
      method: 'a"\n\u202eb\ufffd',
    });
  });

  test("NdjsonRenderer says null for a sender that is not known", () => {
    const [line] = assertNdjson([plain().item(messageLine({ from: undefined }))]);
    expect(line).toMatchObject({ stdio_transport: { from_pid: null, from_comm: null } });
  });

  test("NdjsonRenderer notices that an end of a session changed its name or process", () => {
    const renderer = plain();
    const talk = session();
    const writer = process({ comm: "sh" });
    renderer.item(messageLine({ session: talk, from: writer }));
    writer.comm = "node";
    const renamed = renderer.item(messageLine({ session: talk, from: writer }));
    const other = renderer.item(messageLine({ session: talk, from: process({ pid: 99 }) }));
    expect(renamed).toContain('"from_comm":"node"');
    expect(other).toContain('"from_pid":99');
  });

  test("NdjsonRenderer starts a new second and pads microseconds", () => {
    const renderer = plain();
    const at = (timeNs: number) => {
      const line = renderer.item(
        messageLine({ message: message({ frame: frame("", { timeNs }) }) }),
      );
      return /"timestamp":"([^"]*)"/.exec(line)?.[1];
    };
    expect([at(999_999_000), at(1_000_001_000), at(1_000_000_500)]).toEqual([
      "2026-11-20T12:00:00.999999Z",
      "2026-11-20T12:00:01.000001Z",
      "2026-11-20T12:00:01.000000Z",
    ]);
  });

  test("NdjsonRenderer gives one valid line for any value and name", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.string({ unit: "binary" }),
        fc.string({ unit: "binary" }),
        fc.constantFrom(undefined, 0, 1, 2),
        (value, method, comm, space) => {
          // White space as a hostile sender may put it, but for "\n": that ends a line.
          const params = JSON.stringify(value, null, space).replaceAll("\n", "\r\t");
          const line = raw().item(
            messageLine({
              from: process({ comm }),
              message: message({ method, paramsText: params, raw: params }),
            }),
          );
          const [parsed] = assertNdjson([line]);
          expect(parsed).toEqual(
            expect.objectContaining({ params: JSON.parse(params), raw: params, method }),
          );
        },
      ),
    );
  });

  test("NdjsonRenderer gives what was no JSON as JSON, and its exact text as raw, unless secrets are masked", () => {
    const text = '{"jsonrpc":"2.0","id":1,"result":{"password":"hunter2","n":NaN}}';
    const line = messageLine({ message: readOne(text), flags: ["invalid_json"] });
    const masked = new NdjsonRenderer({ clock, raw: true, redactor });
    expect(assertNdjson([raw().item(line), masked.item(line)])).toMatchObject([
      { json_error: "NaN at 59", flags: ["invalid_json"], result: { n: "NaN" }, raw: text },
      { raw: '{"jsonrpc":"2.0","id":1,"result":{"password":"[redacted]","n":"NaN"}}' },
    ]);
  });

  test("NdjsonRenderer masks secrets in every part with a redactor [output/secrets]", () => {
    const params = '{"name":"login","arguments":{"password":"hunter2","n":12345678901234567890}}';
    const renderer = new NdjsonRenderer({ clock, raw: true, redactor });
    const request = renderer.item(
      messageLine({ message: message({ paramsText: params, raw: `{"params":${params}}` }) }),
    );
    const answer = renderer.item(
      messageLine({
        request: { method: "tools/call", paramsText: params, target: "login" },
        message: message({
          type: "error",
          method: undefined,
          errorText: '{"code":1,"message":"password=hunter2 is wrong"}',
        }),
      }),
    );
    const start = renderer.item(
      sessionLine({
        session: session({
          server: process({ commandLine: ["srv", "--password", "hunter2", "PASSWORD=hunter2"] }),
        }),
      }),
    );
    assertNdjson([request, answer, start]);
    expect([request, answer, start].join("\n")).not.toContain("hunter2");
    expect(request).toContain('"n":12345678901234567890');
  });

  test.each([
    ["plain", `x😀é${"y".repeat(400_000)}`],
    ["with what a terminal obeys", `\u0085😀${"y\u202e".repeat(200_000)}`],
  ])("NdjsonRenderer gives long texts in pieces that are the same line: %s", (_, long) => {
    const request = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "ping", params: { long } });
    const params = JSON.stringify({ long });
    const line = messageLine({ message: message({ raw: request, paramsText: params }) });
    const pieces = [...raw().chunks([line, callRequest()])];
    expect(pieces.length).toBeGreaterThan(4);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(2_000_000);
    const [first, second] = assertNdjson(pieces.join("").trimEnd().split("\n"));
    expect({ params: first?.["params"], raw: first?.["raw"] }).toEqual({
      params: { long },
      raw: request,
    });
    expect(second?.["method"]).toBe("tools/call");
  });

  test("NdjsonRenderer gives the long request of an answer in pieces, too", () => {
    const paramsText = JSON.stringify({ long: "x".repeat(600_000) });
    const line = { ...callAnswer(), request: { method: "ping", target: undefined, paramsText } };
    const rendered = plain().render(line);
    expect(typeof rendered).not.toBe("string");
    const [answer] = assertNdjson([plain().item(line)]);
    expect(answer?.["request"]).toEqual({ method: "ping", params: JSON.parse(paramsText) });
  });
});
