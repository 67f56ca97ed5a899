/** A long text in, pieces of it out: a line of many megabytes is never put together as a whole. */

/** A line of output; one with long texts in it comes in pieces, in order, each made when it is asked for. */
export type Rendered = string | Iterable<string>;

/** Texts up to this length (characters) are not worth cutting. */
export const LONG_CHARS = 1 << 18;

/** `text` in pieces of `most` characters or one less, none of which ends inside a surrogate pair. */
export function* cut(text: string, most = LONG_CHARS): Generator<string> {
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + most, text.length);
    const last = text.charCodeAt(to - 1);
    if (to < text.length && last >= 0xd800 && last < 0xdc00) to -= 1;
    yield text.slice(from, to);
    from = to;
  }
}

export function* flat(parts: readonly Rendered[]): Generator<string> {
  for (const part of parts) {
    if (typeof part === "string") yield part;
    else yield* part;
  }
}

export function joined(rendered: Rendered): string {
  return typeof rendered === "string" ? rendered : [...rendered].join("");
}
