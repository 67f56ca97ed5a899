import { expect, test } from "bun:test";
import type { Channel } from "../../../src/capture/types.ts";
import { FramingStage } from "../../../src/framing/framing-stage.ts";
import type { FramingItem } from "../../../src/framing/types.ts";
import type { WrittenAs } from "../../../src/stream/types.ts";
import { chunk, makeChannel, makeProcess } from "./items.ts";

const client = makeProcess(1);
const server = makeProcess(2);

/** Says what a stage makes of what is read from channels, one piece after the other. */
class Ear {
  readonly framing = new FramingStage();
  readonly #positions = new Map<Channel, number>();

  hear(channel: Channel, text: string): readonly FramingItem[] {
    const position = this.#positions.get(channel) ?? 0;
    const bytes = Buffer.from(text);
    this.#positions.set(channel, position + bytes.length);
    const reader = channel.reader === client ? client : server;
    return this.framing.push(chunk(channel, bytes, position, reader, 7));
  }
}

function textsOf(pieces: readonly string[]): readonly unknown[] {
  const ear = new Ear();
  const channel = makeChannel("pipe:1");
  return pieces
    .flatMap((piece) => ear.hear(channel, piece))
    .flatMap((item) => {
      if (item.kind !== "noise") return [];
      const { text } = item;
      return [text && { head: text.head, lines: text.lines, holdsMessage: text.holdsMessage }];
    });
}

const MESSAGE = '{"jsonrpc":"2.0","id":1,"result":{}}';
const plain = (head: string, lines = 1) => ({ head, lines, holdsMessage: false });
const glued = (head: string, lines = 1) => ({ head, lines, holdsMessage: true });

test.each<[string, string[], unknown[]]>([
  ["a line", ["MCP Server started\n"], [plain("MCP Server started")]],
  ["the first of several, which it counts", ["one\ntwo\n\r\n  three\n"], [plain("one", 3)]],
  ["a line without its end", ["Password: "], [plain("Password:")]],
  ["the rest of a line as none more", ["MCP Ser", "ver\n"], [plain("MCP Ser"), plain("ver", 0)]],
  ["progress that never ends its line", ["1 %\r2 %\r"], [plain("1 %\r2 %")]],
  ["nothing of blank lines", ["\n\r\n \t\n"], [undefined]],
  ["what is not UTF-8, and no half characters", ["é".repeat(150)], [plain(`${"é".repeat(100)}…`)]],
  ["text before a message", [`options: ${MESSAGE}\n`], [glued(`options: ${MESSAGE}`)]],
  [
    "that, before what came first",
    [`log\noptions: ${MESSAGE}\n`],
    [glued(`options: ${MESSAGE}`, 2)],
  ],
  ["messages beside others as none", [`log\n${MESSAGE}\n`], [plain("log")]],
  [
    "a message far behind its text",
    [`${"x".repeat(500)} ${MESSAGE}\n`],
    [glued(`…${"x".repeat(78)} ${MESSAGE}`)],
  ],
])("FramingStage tells of noise %s", (_what, pieces, told) => {
  expect(textsOf(pieces)).toEqual(told);
});

test("FramingStage looks for a message in a chunk of log lines once, not once a line", () => {
  const lines = "a line of a log\n".repeat(60_000);
  const started = performance.now();
  textsOf([`{}\n${lines}`]);
  // 60,000 looks at 1 MB would take many seconds
  expect(performance.now() - started).toBeLessThan(1_000);
});

const LOG = `${"x".repeat(1023)}\n`.repeat(32);

/** The server's channels: what it is asked by, and what it writes, by `as`. */
function hop(as: WrittenAs | undefined) {
  const up = { ...makeChannel("pipe:1"), reader: server, writer: client };
  const down = { ...makeChannel("pipe:2"), reader: client, writer: server, writtenAs: () => as };
  return { up, down };
}

/** After how many pieces of 32 KiB the channel is set aside. */
function piecesUntilAside(ear: Ear, channel: Channel, most = 80): number | undefined {
  for (let count = 1; count <= most; count++) {
    if (ear.hear(channel, LOG).some(({ kind }) => kind === "set-aside")) return count;
  }
  return undefined;
}

const OUTPUT = { isOutput: true, isError: false, isFed: true };
const ERROR = { isOutput: false, isError: true, isFed: true };
const OTHER = { isOutput: false, isError: false, isFed: true };

test.each<[string, WrittenAs | undefined, number | undefined]>([
  ["never, as standard output", OUTPUT, undefined],
  ["never, as a descriptor of its own", OTHER, undefined],
  ["never, where that is not known", undefined, undefined],
  ["as any other, as standard error", ERROR, 3],
])("FramingStage sets aside what a process writes that is being asked: %s", (_when, as, count) => {
  const ear = new Ear();
  const { up, down } = hop(as);
  ear.hear(up, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n');
  expect(piecesUntilAside(ear, down)).toBe(count);
});

test("FramingStage hears out who is asked by the other direction of its socket", () => {
  const ear = new Ear();
  const { up, down } = hop(undefined);
  up.reverse = down;
  down.reverse = up;
  ear.hear(up, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n');
  expect(piecesUntilAside(ear, { ...down, writer: undefined, reverse: up })).toBe(undefined);
});

test.each<[string, WrittenAs | undefined, number]>([
  ["1 MiB more of standard output that may be a server's", OUTPUT, 36],
  ["not, where nobody writes to it", { ...OUTPUT, isFed: false }, 3],
  ["not of standard error", ERROR, 3],
  ["not, where nothing is known", undefined, 3],
])("FramingStage hears what nobody has asked for yet: %s", (_what, as, count) => {
  expect(piecesUntilAside(new Ear(), hop(as).down)).toBe(count);
});

test("FramingStage does not take a reader of JSON that is no JSON-RPC for one that is asked", () => {
  const ear = new Ear();
  const { up, down } = hop(undefined);
  ear.hear(up, '{"level":30,"msg":"a log"}\n');
  expect(piecesUntilAside(ear, down)).toBe(3);
});
