/** Reads fields of parsed JSON that came from the wire: any shape is possible, nothing throws. */

/** The fields that are read by name; any of them may be missing or of any type. */
export interface JsonObject {
  readonly _meta?: unknown;
  readonly capabilities?: unknown;
  readonly clientInfo?: unknown;
  readonly inputResponses?: unknown;
  readonly isError?: unknown;
  readonly name?: unknown;
  readonly progressToken?: unknown;
  readonly protocolVersion?: unknown;
  readonly ref?: unknown;
  readonly relatedRequestId?: unknown;
  readonly requestId?: unknown;
  readonly requestState?: unknown;
  readonly resultType?: unknown;
  readonly serverInfo?: unknown;
  readonly task?: unknown;
  readonly taskId?: unknown;
  readonly uri?: unknown;
  readonly version?: unknown;
  readonly [key: string]: unknown;
}

export function asObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** `params._meta` or `result._meta` of a message's body. */
export function metaOf(body: unknown): JsonObject | undefined {
  return isObject(body) ? asObject(body._meta) : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
