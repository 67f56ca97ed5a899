/** A flag in, what the console says of it out. */
import type { Flag } from "../framing/types.ts";

/** undefined: of no use in a line. */
const WORDS: Readonly<Record<Flag, string | undefined>> = {
  invalid_utf8: "not UTF-8",
  bom: "begins with a byte order mark",
  ambiguous_id: "another call has this id",
  multi_line: "over several lines",
  no_line_end: "no line end",
  content_length: "behind a Content-Length head",
  invalid_json: "no JSON",
  illegal_batch: "in a batch, which this version has not",
  unknown_method: "unknown method",
  duplicate_key: "a key stands twice",
  not_jsonrpc_2: "not JSON-RPC 2.0",
  malformed_response: "not one of result and error",
  invalid_id: "invalid id",
  deep_nesting: "nested too deep to look into",
  too_many_values: "too many values to look into",
  // how NDJSON gives it out
  as_text: undefined,
  lone_surrogate: "half of a surrogate pair",
  // who they are is said beside it
  shared_line: "several processes read a part each",
  unmatched_response: "no request for it was heard",
  // the session's line says it
  late_attach: undefined,
  header_mismatch: "headers and body differ",
  ambiguous_http: "ambiguous head",
  headers_unknown: "headers not all known",
};

/** "(not UTF-8, no JSON: NaN at 69)"; "": there is nothing to say. `jsonError`: what makes a text no JSON. */
export function flagWords(flags: readonly Flag[], jsonError?: string): string {
  const words = flags
    .map((flag) => (flag === "invalid_json" && jsonError ? `no JSON: ${jsonError}` : WORDS[flag]))
    .filter((text) => text !== undefined);
  return words.length === 0 ? "" : `(${words.join(", ")})`;
}
