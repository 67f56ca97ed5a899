/** The row after which a list goes on, as a text that callers hand back; they are not to read it. */

const PREFIX = "r1.";

export function encodeCursor(row: number): string {
  return Buffer.from(`${PREFIX}${row}`).toString("base64url");
}

/** undefined: it is none of ours. */
export function decodeCursor(cursor: string): number | undefined {
  if (cursor.length > 64) return undefined;
  const text = Buffer.from(cursor, "base64url").toString("latin1");
  const digits = /^r1\.(\d{1,16})$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
