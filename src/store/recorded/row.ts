/** Cells of a row in, members of a recorded line out. */

/** One line, parsed. A message that is not whole has `is_cut`, which NDJSON does not know. */
export type RecordedLine = Readonly<Record<string, unknown>>;

export type Row = Readonly<Record<string, string | number | null>>;

export function number(row: Row, column: string): number {
  return optional(row, column) ?? 0;
}

export function optional(row: Row, column: string): number | undefined {
  const value = row[column];
  return typeof value === "number" ? value : undefined;
}

export function text(row: Row, column: string): string | undefined {
  const value = row[column];
  return typeof value === "string" ? value : undefined;
}

/** A member, or none where there is no value. */
export function named(key: string, value: string | number | null | undefined): RecordedLine {
  return value === null || value === undefined ? {} : { [key]: value };
}

/** As `named`, of a list that is kept as JSON. */
export function namedList(key: string, json: string | undefined): RecordedLine {
  return json === undefined ? {} : { [key]: listed(json) };
}

export function flags(row: Row): RecordedLine {
  const all = text(row, "flags");
  return all === undefined ? {} : { flags: all.split(",") };
}

export function listed(json: string | undefined): readonly unknown[] {
  const list: unknown = JSON.parse(json ?? "[]");
  return Array.isArray(list) ? list : [];
}

export function joined(address: string, port: string | number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** "2026-11-20T12:34:56.789012Z" */
export function isoText(unixMicros: number): string {
  const second = Math.floor(unixMicros / 1e6);
  const fraction = String(1e6 + Math.floor(unixMicros - second * 1e6)).slice(1);
  return `${new Date(second * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}
