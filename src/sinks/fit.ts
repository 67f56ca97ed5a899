/** Text in, text of a given width in terminal columns out. */

/** Cut to `columns`, with "…" as the last one when something is missing. Text without control characters. */
export function truncate(text: string, columns: number): string {
  // A column takes at least a quarter of a code unit's length in all scripts; this keeps the walk short.
  if (text.length <= columns && Bun.stringWidth(text) <= columns) return text;
  let width = 0;
  let end = 0;
  for (const char of text) {
    const charWidth = Bun.stringWidth(char);
    if (width + charWidth > columns - 1) break;
    width += charWidth;
    end += char.length;
  }
  return end === text.length ? text : `${text.slice(0, end)}…`;
}

/** Padded with spaces to at least `columns`. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - Bun.stringWidth(text)));
}
