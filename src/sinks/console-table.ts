/** Cells in, a table within the columns of a terminal out. */
import Table from "cli-table3";
import type { Colors } from "./color.ts";
import { truncate, truncateName } from "./fit.ts";
import { NO_BORDERS } from "./no-borders.ts";

/** The first columns hold names: they give way. */
export const NAME_COLUMNS = 3;
/** Longer names of servers, methods and tools are cut, on narrow terminals down to the other. */
const MAX_CELL = 32;
const MIN_CELL = 8;
const BETWEEN_CELLS = 2;

/** `textColumns`: the first ones, to the left; `redColumns`: what is not 0 there is bad. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { textColumns, redColumns }: { textColumns: number; redColumns: readonly number[] },
  { colors, columns }: { readonly colors: Colors; readonly columns: number | undefined },
): string[] {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column < textColumns ? "left" : "right")),
    style: {
      head: [],
      border: [],
      compact: true,
      "padding-left": 0,
      "padding-right": BETWEEN_CELLS,
    },
    chars: NO_BORDERS,
  });
  const widths = textWidths([head, ...rows], columns);
  for (const texts of rows) {
    const cells = texts.map((text, column) => {
      const width = widths[column] ?? text.length;
      return column === 0 ? truncateName(text, width) : truncate(text, width);
    });
    for (const column of redColumns) {
      const bad = cells[column] ?? "";
      if (bad !== "0") cells[column] = colors.red(bad);
    }
    table.push(cells);
  }
  return table
    .toString()
    .split("\n")
    .map((line, index) => (index === 0 ? colors.dim(line.trimEnd()) : line.trimEnd()));
}

/** Widths of the columns that hold names: the widest gives way until the table fits. */
function textWidths(
  rows: readonly (readonly string[])[],
  columns: number | undefined,
): readonly number[] {
  const widest = (column: number) =>
    rows.reduce((most, cells) => Math.max(most, Bun.stringWidth(cells[column] ?? "")), 0);
  const all = (rows[0] ?? []).map((_, column) => widest(column));
  const names = all.slice(0, NAME_COLUMNS).map((width) => Math.min(width, MAX_CELL));
  const numbers = all.slice(NAME_COLUMNS).reduce((sum, width) => sum + width, 0);
  const room = (columns ?? Number.POSITIVE_INFINITY) - numbers - BETWEEN_CELLS * (all.length - 1);
  for (;;) {
    const most = Math.max(...names);
    if (most <= MIN_CELL || names.reduce((sum, width) => sum + width) <= room) return names;
    names[names.indexOf(most)] = most - 1;
  }
}
