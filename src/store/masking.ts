/** Rows in, the same rows with their secrets masked out: as other outputs mask them, on the thread that writes them. */
import {
  type Batch,
  type CallRow,
  type Cell,
  type ConnectionRow,
  type EffectRow,
  type Masking,
  PLAIN_NAMES,
  PLAIN_TABLES,
} from "./batch.ts";
import { cutBody } from "./message-body.ts";

/** What masks secrets; each gives its argument back where there are none. */
export interface Mask {
  text(text: string): string;
  /** Valid JSON text stays valid. */
  json(json: string): string;
  commandLine(argv: readonly string[]): readonly string[];
}

export function maskBatch(batch: Batch, mask: Mask, maxBodyBytes: number): Batch {
  const plain: Record<string, readonly Cell[]> = {};
  for (const table of PLAIN_NAMES) {
    const cells = batch.plain[table];
    if (cells === undefined) continue;
    const maskings: readonly (Masking | undefined)[] = Object.values(PLAIN_TABLES[table]);
    plain[table] = cells.map((cell, index) => {
      const masking = maskings[index % maskings.length];
      if (masking === undefined || typeof cell !== "string") return cell;
      if (masking !== "body") return masked(cell, masking, mask);
      const json = mask.json(cell);
      // the column before it
      return cells[index - 1] === 1 ? cutBody(json, maxBodyBytes) : json;
    });
  }
  return {
    ...batch,
    plain,
    calls: batch.calls.map((row) => maskCall(row, mask)),
    connections: batch.connections.map((row) => maskConnection(row, mask)),
    effects: batch.effects.map((row) => maskEffect(row, mask)),
  };
}

function masked(text: string, masking: Exclude<Masking, "body">, mask: Mask): string {
  switch (masking) {
    case "text":
      return mask.text(text);
    case "json":
      return mask.json(text);
    case "argv":
      return maskArgv(text, mask);
  }
}

function maskArgv(json: string, mask: Mask): string {
  const argv: unknown = JSON.parse(json);
  const texts = Array.isArray(argv) ? argv.filter((each) => typeof each === "string") : [];
  return JSON.stringify(mask.commandLine(texts));
}

function maskCall(row: CallRow, mask: Mask): CallRow {
  return {
    ...row,
    server: mask.text(row.server),
    method: mask.text(row.method),
    target: mask.text(row.target),
    rpcId: row.rpcId === null ? null : mask.json(row.rpcId),
    errorText: row.errorText === null ? null : mask.text(row.errorText),
    chain: row.chain === null ? null : mask.json(row.chain),
  };
}

function maskConnection(row: ConnectionRow, mask: Mask): ConnectionRow {
  return { ...row, comm: row.comm === null ? null : mask.text(row.comm) };
}

function maskEffect(row: EffectRow, mask: Mask): EffectRow {
  const text = (value: string | null) => (value === null ? null : mask.text(value));
  return {
    ...row,
    server: mask.text(row.server),
    method: mask.text(row.method),
    target: mask.text(row.target),
    argv: row.argv === null ? null : maskArgv(row.argv, mask),
    path: text(row.path),
    toPath: text(row.toPath),
  };
}
