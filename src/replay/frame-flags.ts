/** A recorded line in, those of its flags that its text cannot tell out; all others are found again. */
import type { Flag } from "../framing/types.ts";
import { type Fields, textsField } from "./fields.ts";

const OF_FRAME: readonly Flag[] = [
  "invalid_utf8",
  "bom",
  "multi_line",
  "no_line_end",
  "content_length",
  "shared_line",
  "ambiguous_http",
  "headers_unknown",
];

export function frameFlags(line: Fields): readonly Flag[] {
  const found = textsField(line, "flags");
  return OF_FRAME.filter((flag) => found.includes(flag));
}
