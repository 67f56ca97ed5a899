import { describe, expect, test } from "bun:test";
import { NdjsonRenderer } from "../../../src/sinks/ndjson-line.ts";
import { noiseTexts } from "../../../src/sinks/noise-words.ts";
import { clock, noiseLine, summary } from "./items.ts";
import { assertNdjson } from "./validate.ts";

const plain = () => new NdjsonRenderer({ clock, raw: false, redactor: undefined });

describe("NdjsonRenderer", () => {
  test("NdjsonRenderer writes what a server says beside its messages, and names a message in it", () => {
    const lines = [noiseLine(), noiseLine({ text: 'x {"jsonrpc"\u001b', holdsMessage: true })];
    const [said, glued] = assertNdjson(lines.map((line) => plain().item(line)));
    const told = {
      kind: "noise",
      timestamp: "2026-11-20T12:34:56.789012Z",
      transport_type: "stdio",
      stdio_transport: {
        from_pid: 12346,
        from_comm: "python",
        to_pid: 12345,
        to_comm: "python",
        channel: "pipe:4712",
      },
      session: "s1",
      direction: "server-to-client",
      text: "MCP Server started",
      lines: 1,
      bytes: 19,
    };
    expect(said).toEqual(told);
    expect(glued).toEqual({ ...told, text: 'x {"jsonrpc"\u001b', flags: ["message_in_text"] });
  });

  test("NdjsonRenderer writes into the summary who said something beside its messages", () => {
    const row = { server: "weather", direction: "server-to-client", lines: 2, bytes: 30 } as const;
    const [line] = assertNdjson([
      plain().summary(
        summary({
          noise: [
            { ...row, text: "started", holdsMessage: false },
            { ...row, text: "x", holdsMessage: true },
          ],
        }),
      ),
    ]);
    expect(line?.["noise"]).toEqual([
      { ...row, text: "started" },
      { ...row, text: "x", flags: ["message_in_text"] },
    ]);
  });
});

test("noiseTexts names ten servers, masked, and counts the others; when quiet only what held a message", () => {
  const row = { direction: "server-to-client", lines: 1, bytes: 9, holdsMessage: false } as const;
  const rows = Array.from({ length: 12 }, (_, index) => ({
    ...row,
    server: `s${index}`,
    text: "a secret",
    holdsMessage: index === 3,
  }));
  const mask = (text: string) => text.replace("secret", "•");
  const texts = noiseTexts(rows, { mask, quiet: false });
  expect([texts.length, texts[0], texts.at(-1)]).toEqual([
    11,
    '9 bytes by s0, no message: "a •"',
    "and 2 more",
  ]);
  expect(noiseTexts(rows, { mask, quiet: true })).toEqual([
    '9 bytes by s3, a message and text on one line: "a •"',
  ]);
});
