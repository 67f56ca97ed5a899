/** MCP over HTTP/1.1 × every front end that this kernel has: all is heard, other HTTP is left alone, each byte is counted. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Matrix } from "./hear-rows.ts";
import { numberAt, textAt } from "./json.ts";
import type { Row } from "./rows.ts";
import { FRONT_ENDS, missing, PATIENCE_MS, TRAFFIC, titled, worksHere } from "./settings.ts";
import { HTTP, HTTP_CUT, HTTP_HELD, HTTP_OTHER } from "./tcp-rows.ts";
import type { Heard } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 10);

const lacks = missing();

describe.each([...FRONT_ENDS])("overhear --attach %s", (frontEnd) => {
  const reason = lacks ?? (worksHere(frontEnd) ? undefined : frontEnd);
  if (reason !== undefined) {
    test.skip(titled(`hears HTTP under ${frontEnd}`, reason), () => {});
    return;
  }

  // so that what else speaks HTTP on this machine is not counted
  const directory = mkdtempSync(join(tmpdir(), "overhear-http."));
  const program = join(directory, `http-${frontEnd.slice(0, 5)}`);
  let matrix: Matrix | undefined;
  let late: Matrix | undefined;
  beforeAll(async () => {
    copyFileSync(TRAFFIC, program);
    matrix = await Matrix.hear(frontEnd, [...HTTP, ...HTTP_OTHER], program);
    late = await Matrix.hear(frontEnd, [...HTTP_HELD, ...HTTP_CUT], program);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function heard(run: Matrix | undefined): Matrix {
    if (run === undefined) throw new Error("the tool did not run");
    return run;
  }

  test.each(HTTP.map((row) => [row.title, row] as const))("hears %s [capture/http]", (_, row) =>
    heard(matrix).check(row),
  );
  test.each(HTTP_HELD.map((row) => [row.title, row] as const))("hears %s", (_, row) =>
    heard(late).check(row),
  );
  test.each(HTTP_CUT.map((row) => [row.title, row] as const))("tells of %s", (_, row) =>
    heard(late).check(row),
  );
  test.each(HTTP_OTHER.map((row) => [row.title, row] as const))("says nothing of %s", (_, row) =>
    heard(matrix).checkSilence(row),
  );

  test("accounts for each byte of the connections that carried MCP", () => {
    const run = heard(matrix);
    const moved = HTTP.reduce((sum, row) => sum + readBytes(run, row), 0);
    const { messages, lost } = heardBytes(run.heard);
    const { summary } = run.heard;
    const http = numberAt(summary, "http_bytes");
    const skipped = numberAt(summary, "skipped_bytes");
    expect(skipped).toBeGreaterThan(0);
    expect({ lost, all: messages + http + skipped }).toEqual({ lost: 0, all: moved });
  });

  test("says in the summary that it missed nothing", () => heard(matrix).checkSummary());
});

function readBytes(run: Matrix, row: Row): number {
  const truth = run.truthOf(row);
  return truth === undefined ? 0 : truth.readBytes.c2s + truth.readBytes.s2c;
}

function heardBytes({ lines }: Heard): { readonly messages: number; readonly lost: number } {
  const sum = { messages: 0, lost: 0 };
  for (const line of lines) {
    if (line["transport_type"] !== "http") continue;
    if (textAt(line, "kind") === "message") sum.messages += numberAt(line, "bytes");
    else if (textAt(line, "kind") === "loss") sum.lost += numberAt(line, "bytes");
  }
  return sum;
}
