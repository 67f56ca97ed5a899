/** What is used of ndjson 2.0.0, which comes without types; `mapper` is of split2, which it returns. */
declare module "ndjson" {
  import type { Transform } from "node:stream";

  interface RowStream extends Transform {
    /** Called once per row; undefined skips it, null would end the stream. */
    mapper: (row: string) => unknown;
    /** True while the rest of a row over maxLength is skipped. */
    overflow: boolean;
  }

  export function parse(options: {
    strict: boolean;
    maxLength: number;
    skipOverflow: boolean;
    highWaterMark?: number;
  }): RowStream;
}
