/** Recorded files, NDJSON or a database, in; one parsed object per line out; what is no JSON object is counted, not fatal. */
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { parse } from "ndjson";
import { UsageError } from "../cli/errors.ts";
import { errorCode, errorText } from "../sinks/errors.ts";
import { cannot } from "../store/database-error.ts";
import { openForReading } from "../store/open-database.ts";
import { recordedLines } from "../store/recorded-lines.ts";
import { asFields, type Fields } from "./fields.ts";

/** The longest message, escaped in `raw` and as spans, with room to spare (characters). */
const MAX_LINE_CHARS = 2 ** 28;
/** split2 scans what it holds at each chunk; small chunks would make long lines quadratic. */
const CHUNK_BYTES = 2 ** 22;

export interface ReadCounts {
  lines: number;
  malformed: number;
  /** Messages that a database does not hold whole. */
  cut: number;
}

/** Throws UsageError when a file cannot be opened or read. */
export async function* readLines(
  files: readonly string[],
  counts: ReadCounts,
): AsyncGenerator<Fields> {
  for (const file of files)
    yield* isDatabase(file) ? readDatabase(file, counts) : readFile(file, counts);
}

const MAGIC = "SQLite format 3\0";

/** By its first bytes; a pipe is never one, and cannot be read twice. */
function isDatabase(file: string): boolean {
  if (file === "-" || statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const start = Buffer.alloc(MAGIC.length);
  try {
    const fd = openSync(file, "r");
    try {
      return readSync(fd, start, 0, start.length, 0) > 0 && start.toString("latin1") === MAGIC;
    } finally {
      closeSync(fd);
    }
  } catch {
    // whoever reads its lines says why that cannot be
    return false;
  }
}

/** Throws OutputError when it cannot be read. */
function* readDatabase(file: string, counts: ReadCounts): Generator<Fields> {
  using db = openForReading(file);
  try {
    for (const line of recordedLines(db)) {
      counts.lines++;
      if (line["is_cut"] === true) counts.cut++;
      yield line;
    }
  } catch (error) {
    throw cannot("read", file, error);
  }
}

async function* readFile(file: string, counts: ReadCounts): AsyncGenerator<Fields> {
  const rows = parse({ strict: false, maxLength: MAX_LINE_CHARS, skipOverflow: true });
  const parseRow = rows.mapper;
  rows.mapper = (row) => {
    if (row.trim() === "") return undefined;
    counts.lines++;
    // A row "null" would end the stream, so only objects pass.
    const fields = asFields(parseRow(row));
    if (fields === undefined) counts.malformed++;
    return fields;
  };
  const source = createReadStream(file === "-" ? "/dev/stdin" : file, {
    highWaterMark: CHUNK_BYTES,
  });
  source.once("error", (error) => rows.destroy(error));
  let overflowed = false;
  try {
    for await (const value of source.pipe(rows)) {
      if (rows.overflow && !overflowed) counts.malformed++;
      overflowed = rows.overflow;
      const fields = asFields(value);
      if (fields !== undefined) yield fields;
    }
  } catch (cause) {
    if (errorCode(cause) === undefined) throw cause;
    throw new UsageError(
      `Cannot read "${file}": ${errorText(cause)}`,
      "name files that overhear wrote with -o, or - for standard input",
      { cause },
    );
  } finally {
    source.destroy();
  }
}
