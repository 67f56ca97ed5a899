/** Text in, text of a given width in terminal columns out. */

/** Cut to `columns`, with "…" as the last one when something is missing. Text without control characters. */
export function truncate(text: string, columns: number): string {
  // A column takes at least a quarter of a code unit's length in all scripts; this keeps the walk short.
  if (text.length <= columns && Bun.stringWidth(text) <= columns) return text;
  const end = fitting(text, columns - 1);
  return end === text.length ? text : `${text.slice(0, end)}…`;
}

/** The same of a name: of "@scope/package" and "registry/owner/image" the last part is what tells it from others. */
export function truncateName(name: string, columns: number): string {
  const isTooLong = Bun.stringWidth(name) > columns;
  return truncate(isTooLong ? name.replace(/^.*\/(?=.)/, "") : name, columns);
}

const ASCII = /^[ -~]*$/;

/** How many UTF-16 units of it fit. */
function fitting(text: string, columns: number): number {
  // mostly: a character is a column
  const most = Math.max(0, columns);
  if (ASCII.test(text.slice(0, most))) return Math.min(text.length, most);
  let width = 0;
  let end = 0;
  for (const char of text) {
    width += Bun.stringWidth(char);
    if (width > columns) break;
    end += char.length;
  }
  return end;
}

/**
 * All of it, in a first line of at most `first` columns and more of at most `others`: broken at a space where there is one
 * near the end. Text without control characters.
 */
export function wrap(text: string, first: number, others: number): string[] {
  const lines: string[] = [];
  let rest = text;
  for (let room = first; ; room = others) {
    const end = fitting(rest, room);
    if (rest === "" && lines.length > 0) return lines;
    if (end === rest.length) return [...lines, rest];
    const space = rest.lastIndexOf(" ", end);
    // one character at least, or there would be no end
    const at = space > end / 2 ? space : Math.max(end, (rest.codePointAt(0) ?? 0) > 0xffff ? 2 : 1);
    lines.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
}

/** Padded with spaces to at least `columns`. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - Bun.stringWidth(text)));
}
