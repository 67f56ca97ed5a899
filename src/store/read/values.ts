/** Cells of rows in, values of records out. */

/** Ids as callers know them: what they are of, and the row. */
export type Named = "session" | "call" | "connection";

export function nameOf(of: Named, row: number): string {
  return `${of}-${row}`;
}

/** undefined: no such id. */
export function rowOf(of: Named, name: string): number | undefined {
  const match = /^([a-z]+)-([1-9]\d{0,15})$/.exec(name);
  const row = Number(match?.[2]);
  return match?.[1] === of && Number.isSafeInteger(row) ? row : undefined;
}

export function orUndefined<Value>(value: Value | null): Value | undefined {
  return value ?? undefined;
}

export function toMs(us: number): number {
  return us / 1000;
}

export function toMsOr(us: number | null): number | undefined {
  return us === null ? undefined : us / 1000;
}

export function textsOf(json: string | null): readonly string[] {
  const list: unknown = json === null ? [] : JSON.parse(json);
  return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
}
