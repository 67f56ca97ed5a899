/** `overhear query`: a database and a question in, a table, NDJSON or JSON out. */
import Table from "cli-table3";
import { truncate } from "../sinks/fit.ts";
import { stringify } from "../sinks/json-text.ts";
import { NO_BORDERS } from "../sinks/no-borders.ts";
import { printable } from "../sinks/printable.ts";
import { cannot, databaseErrorText, sqliteCode } from "../store/database-error.ts";
import { openForReading } from "../store/open-database.ts";
import { type Answer, answer, answerSql, QUESTIONS, type Value } from "../store/questions.ts";
import { UsageError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import type { QueryOptions } from "./types.ts";

/** Longer texts are cut in a table. */
const MAX_CELL = 60;

/** `nowMs`: wall clock. @throws UsageError, OutputError */
export function renderQuery(options: QueryOptions, nowMs: number): string {
  if (options.query === undefined) return render(listed(), options.format);
  using db = openForReading(options.path);
  return render(ask(db, options.query, options, nowMs), options.format);
}

function ask(
  db: ReturnType<typeof openForReading>,
  query: string,
  options: QueryOptions,
  nowMs: number,
): Answer {
  const { path, about, limit, sinceMs } = options;
  const question = QUESTIONS.find(({ name }) => name === query);
  if (question === undefined && !/\s/.test(query.trim())) throw unknown(query);
  const isAboutNothing = question === undefined || question.about === undefined;
  if (about !== undefined && isAboutNothing) {
    throw new UsageError(
      `Cannot use "${about}" here: ${question === undefined ? "SQL" : `"${query}"`} takes no more words`,
      "put SQL in quotes",
    );
  }
  if (about === undefined && question?.about?.isNeeded === true) {
    throw new UsageError(
      `Cannot query "${query}": ${question.about.name} needed`,
      `for example overhear query --db ${path} ${query} localhost`,
    );
  }
  try {
    if (question === undefined) return answerSql(db, query);
    const sinceUs = sinceMs === undefined ? 0 : Math.floor((nowMs - sinceMs) * 1000);
    return answer(db, question, { sinceUs, limit, about });
  } catch (error) {
    // what the caller wrote cannot be read as SQL, or would change something
    if (question === undefined && /^SQLITE_(?:ERROR|READONLY|RANGE|MISUSE)?$/.test(codeOf(error))) {
      throw new UsageError(
        `Cannot query: ${databaseErrorText(error)}`,
        "tables and views are in docs/history.md; overhear query --db FILE lists ready queries",
        { cause: error },
      );
    }
    throw cannot("read", path, error);
  }
}

function codeOf(error: unknown): string {
  return sqliteCode(error) ?? "SQLITE_";
}

function unknown(query: string): UsageError {
  const near = nearest(
    query,
    QUESTIONS.map(({ name }) => name),
  );
  return new UsageError(
    `Unknown query "${query}"`,
    near === undefined
      ? `ready ones are ${QUESTIONS.map(({ name }) => name).join(", ")}; or SQL in quotes`
      : `did you mean "${near}"?`,
  );
}

function listed(): Answer {
  const rows = QUESTIONS.map(({ name, about, says }) => {
    const word = about === undefined ? "" : ` ${about.isNeeded ? about.name : `[${about.name}]`}`;
    return [`${name}${word}`, says];
  });
  return { columns: ["query", "answers"], rows };
}

function render(answered: Answer, format: QueryOptions["format"]): string {
  if (format === "table") return renderTable(answered);
  const objects = answered.rows.map((row) => objectOf(answered.columns, row));
  if (format === "ndjson") return objects.map((json) => `${json}\n`).join("");
  return `[${objects.join(",\n")}]\n`;
}

/** In the order of the columns; one without a value is left out, as in all our JSON. */
function objectOf(columns: readonly string[], row: readonly Value[]): string {
  const members = columns.flatMap((column, index) => {
    const value = row[index] ?? null;
    return value === null ? [] : [`${stringify(column)}:${jsonOf(value)}`];
  });
  return `{${members.join(",")}}`;
}

function jsonOf(value: Value): string {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return stringify(Buffer.from(value).toString("base64"));
  return stringify(value);
}

function renderTable({ columns, rows }: Answer): string {
  const table = new Table({
    head: columns.map((column) => printable(column).toUpperCase()),
    colAligns: columns.map((_, index) => (isNumeric(rows, index) ? "right" : "left")),
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 2 },
    chars: NO_BORDERS,
  });
  for (const row of rows) table.push(row.map(cellOf));
  const lines = table.toString().split("\n");
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function isNumeric(rows: Answer["rows"], index: number): boolean {
  const values = rows.map((row) => row[index] ?? null).filter((value) => value !== null);
  return values.length > 0 && values.every((value) => typeof value !== "string");
}

function cellOf(value: Value): string {
  if (value === null) return "";
  const text = value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
  return truncate(printable(text.slice(0, MAX_CELL * 4)), MAX_CELL);
}
