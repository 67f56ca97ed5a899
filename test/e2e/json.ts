/** Parsed JSON in, narrowed values out; each throws with the path when the value is of another kind. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at the path, undefined where something on the way is missing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const key of path) {
    if (!isObject(here)) return undefined;
    here = here[key];
  }
  return here;
}

export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  if (typeof found !== "string") throw new Error(`no text at ${path.join(".")}: ${brief(value)}`);
  return found;
}

export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path);
  if (typeof found !== "number") throw new Error(`no number at ${path.join(".")}: ${brief(value)}`);
  return found;
}

export function parseObject(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error(`no JSON object: ${text.slice(0, 200)}`);
  return value;
}

function brief(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined").slice(0, 300);
}
