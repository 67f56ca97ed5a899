/** Parsed JSON of any size in, its beginning as one short line out. */

/**
 * Compact JSON, at most about `limit` characters: only as much of the value is looked at.
 * DEL, C1 and other characters that JSON leaves unescaped are still in it.
 */
export function preview(value: unknown, limit: number): string {
  const parts: string[] = [];
  write(value, parts, { left: limit, depth: 0 });
  return parts.join("");
}

interface Budget {
  left: number;
  depth: number;
}

const MAX_DEPTH = 16;

function write(value: unknown, parts: string[], budget: Budget): void {
  if (budget.left <= 0) return;
  if (typeof value === "string") put(JSON.stringify(value.slice(0, budget.left)), parts, budget);
  else if (value === null || typeof value !== "object") put(String(value), parts, budget);
  else if (budget.depth >= MAX_DEPTH) put("…", parts, budget);
  else {
    budget.depth += 1;
    if (Array.isArray(value)) writeArray(value, parts, budget);
    else writeObject(value, parts, budget);
    budget.depth -= 1;
  }
}

function writeArray(values: readonly unknown[], parts: string[], budget: Budget): void {
  put("[", parts, budget);
  for (const [index, value] of values.entries()) {
    if (budget.left <= 0) return;
    if (index > 0) put(",", parts, budget);
    write(value, parts, budget);
  }
  put("]", parts, budget);
}

function writeObject(object: object, parts: string[], budget: Budget): void {
  put("{", parts, budget);
  let first = true;
  // for…in stops early without listing all keys; JSON.parse makes own keys only, and no prototype adds any.
  for (const key in object) {
    if (budget.left <= 0) return;
    put(`${first ? "" : ","}${JSON.stringify(key.slice(0, budget.left))}:`, parts, budget);
    write(Reflect.get(object, key), parts, budget);
    first = false;
  }
  put("}", parts, budget);
}

function put(text: string, parts: string[], budget: Budget): void {
  parts.push(text);
  budget.left -= text.length;
}
