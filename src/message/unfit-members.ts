/** A message's members in, which of them some reader of JSON would refuse out. */
import type { Flag } from "../framing/types.ts";
import {
  hasLoneSurrogate,
  isPlain,
  mayBeDeep,
  type Unfit,
  unfitId,
  unfitStrings,
} from "../json-readers.ts";
import type { Span } from "./body-span.ts";
import type { Envelope } from "./envelope.ts";
import type { UnfitMembers } from "./types.ts";

export interface Found {
  readonly members: UnfitMembers;
  readonly flags: readonly Flag[];
}

/**
 * `envelope`: of a message that stands in `text`, its bodies proven to be JSON, guesses checked; `raw`: the message alone.
 * undefined: every reader takes all members as they are.
 */
export function findUnfit(
  text: string,
  envelope: Envelope,
  raw: string,
  idText: string | undefined,
  method: string | undefined,
): Found | undefined {
  const { params, result, error } = envelope;
  const id = idText === undefined ? undefined : unfitId(idText);
  const hasHalves = !envelope.outlined && hasLoneSurrogate(raw);
  const isFit = id === undefined && !hasHalves && !params.unfit && !result.unfit && !error.unfit;
  if (isFit) return undefined;
  const members: UnfitMembers = {
    id,
    method: method?.isWellFormed() === false ? "mended" : undefined,
    params: unfitBody(text, params),
    result: unfitBody(text, result),
    error: unfitBody(text, error),
  };
  const flags: Flag[] = [];
  if (params.deep || result.deep || error.deep) flags.push("deep_nesting");
  if (params.heavy || result.heavy || error.heavy) flags.push("too_many_values");
  if (Object.values(members).includes("text")) flags.push("as_text");
  if (hasHalves) flags.push("lone_surrogate");
  return { members, flags };
}

/** Looks at what guesses leave out. True: a line may carry the text raw. */
export function checkGuessed(text: string, envelope: Envelope): boolean {
  const isLineSafe = isPlain(text);
  if (!isLineSafe || mayBeDeep(text)) envelope.measureGuessed(text);
  return isLineSafe;
}

function unfitBody(text: string, span: Span): Unfit | undefined {
  if (span.start < 0) return undefined;
  return span.unfit ? "text" : unfitStrings(text.slice(span.start, span.end));
}
