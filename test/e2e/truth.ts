/** The record that clients and servers keep of their own ends (truth.mjs, truth.py), read back. */
import { readFile } from "node:fs/promises";
import { at, type JsonObject, numberAt, parseObject, textAt } from "./json.ts";

export interface TruthLine {
  readonly sent: boolean;
  readonly text: string;
  readonly monotonicNs: bigint;
}

/** What one process saw of one peer. */
export interface Conversation {
  /** Who kept the record. */
  readonly self: number;
  /** The child it started (clients), or its parent (servers): not always who reads. */
  readonly peer: number;
  readonly lines: TruthLine[];
  /** The peer and the processes below it when its first line came; the deepest last. */
  tree: { readonly pid: number; readonly command: readonly string[] }[];
  exit: { readonly code: unknown; readonly signal: unknown } | undefined;
}

/** All conversations of a record, in the order in which they began. */
export async function readTruth(file: string): Promise<Conversation[]> {
  const conversations = new Map<number, Conversation>();
  for (const text of (await readFile(file, "utf8")).split("\n")) {
    if (text === "") continue;
    const entry = parseObject(text);
    const peer = numberAt(entry, "peer");
    const known = conversations.get(peer);
    const conversation = known ?? begin(numberAt(entry, "self"), peer);
    if (known === undefined) conversations.set(peer, conversation);
    note(conversation, entry);
  }
  return [...conversations.values()];
}

function begin(self: number, peer: number): Conversation {
  return { self, peer, lines: [], tree: [], exit: undefined };
}

function note(conversation: Conversation, entry: JsonObject): void {
  switch (entry["event"]) {
    case "line":
      conversation.lines.push({
        sent: textAt(entry, "direction") === "sent",
        text: textAt(entry, "text"),
        monotonicNs: BigInt(textAt(entry, "ns")),
      });
      break;
    case "tree":
      conversation.tree = parseTree(entry["tree"]);
      break;
    case "exit":
      conversation.exit = { code: entry["code"], signal: entry["signal"] };
      break;
  }
}

function parseTree(tree: unknown): Conversation["tree"] {
  if (!Array.isArray(tree)) return [];
  return tree.map((entry: unknown) => {
    const command = at(entry, "command");
    return {
      pid: numberAt(entry, "pid"),
      command: Array.isArray(command) ? command.map(String) : [],
    };
  });
}

/** Wire bytes of lines, one "\n" each. */
export function wireBytes(lines: readonly TruthLine[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line.text) + 1, 0);
}

/** Per request of the record's keeper: ms from just before its write to just after the read of its answer. */
export function measuredDurations(lines: readonly TruthLine[]): Map<string, number> {
  const sentAt = new Map<string, bigint>();
  const durations = new Map<string, number>();
  for (const line of lines) {
    const message = parseObject(line.text);
    if (message["id"] === undefined) continue;
    const id = JSON.stringify(message["id"]);
    if (line.sent && message["method"] !== undefined) sentAt.set(id, line.monotonicNs);
    const begun = sentAt.get(id);
    if (!line.sent && message["method"] === undefined && begun !== undefined) {
      durations.set(id, Number(line.monotonicNs - begun) / 1e6);
    }
  }
  return durations;
}
