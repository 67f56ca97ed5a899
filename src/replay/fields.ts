/** Parsed JSON from a recording in, typed fields out: any shape is possible, nothing throws. */

export type Fields = Readonly<Record<string, unknown>>;

export function asFields(value: unknown): Fields | undefined {
  return isFields(value) ? value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textField(fields: Fields | undefined, key: string): string | undefined {
  const value = own(fields, key);
  return typeof value === "string" ? value : undefined;
}

/** A finite number; undefined for anything else. */
export function numberField(fields: Fields | undefined, key: string): number | undefined {
  const value = own(fields, key);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** No call lasts longer: 30 years, in ms. */
const MAX_MS = 1e12;

/** A span of time in ms. */
export function millisField(fields: Fields | undefined, key: string): number | undefined {
  const value = numberField(fields, key);
  return value !== undefined && value >= 0 && value <= MAX_MS ? value : undefined;
}

/** A whole number from 0 on. */
export function countField(fields: Fields | undefined, key: string): number | undefined {
  const value = numberField(fields, key);
  return value !== undefined && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

export function booleanField(fields: Fields | undefined, key: string): boolean | undefined {
  const value = own(fields, key);
  return typeof value === "boolean" ? value : undefined;
}

export function fieldsField(fields: Fields | undefined, key: string): Fields | undefined {
  return asFields(own(fields, key));
}

export function textsField(fields: Fields | undefined, key: string): readonly string[] {
  const value = own(fields, key);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** The objects of a list. */
export function listField(fields: Fields | undefined, key: string): readonly Fields[] {
  const value = own(fields, key);
  return Array.isArray(value) ? value.filter(isFields) : [];
}

/** Own fields only: a recording may name "constructor" or "__proto__". */
export function own(fields: Fields | undefined, key: string): unknown {
  return fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined;
}
