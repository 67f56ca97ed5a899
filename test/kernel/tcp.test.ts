/** Every way bytes move through TCP connections of one host × every front end that this kernel has: all is heard. */
import { beforeAll, describe, setDefaultTimeout, test } from "bun:test";
import { Matrix } from "./hear-rows.ts";
import { FRONT_ENDS, missing, PATIENCE_MS, titled, worksHere } from "./settings.ts";
import { TCP_GRID, TCP_HALF, TCP_HARD, TCP_HELD, TCP_SPECIAL } from "./tcp-rows.ts";

setDefaultTimeout(PATIENCE_MS * 10);

const lacks = missing();

describe.each([...FRONT_ENDS])("overhear --attach %s", (frontEnd) => {
  const reason = lacks ?? (worksHere(frontEnd) ? undefined : frontEnd);
  if (reason !== undefined) {
    test.skip(titled(`hears the matrix of TCP under ${frontEnd}`, reason), () => {});
    return;
  }

  let matrix: Matrix | undefined;
  beforeAll(async () => {
    const rows = [...TCP_GRID, ...TCP_SPECIAL, ...TCP_HELD, ...TCP_HALF, ...TCP_HARD];
    matrix = await Matrix.hear(frontEnd, rows);
  });

  function heardMatrix(): Matrix {
    if (matrix === undefined) throw new Error("the tool did not run");
    return matrix;
  }

  test.each(TCP_GRID.map((row) => [row.title, row] as const))("hears %s [capture/tcp]", (_, row) =>
    heardMatrix().check(row),
  );
  test.each(TCP_SPECIAL.map((row) => [row.title, row] as const))("hears %s", (_, row) =>
    heardMatrix().check(row),
  );
  test.each(TCP_HELD.map((row) => [row.title, row] as const))("hears %s", (_, row) =>
    heardMatrix().check(row),
  );
  test.each(TCP_HALF.map((row) => [row.title, row] as const))("accounts for %s", (_, row) =>
    heardMatrix().checkTcpHalf(row),
  );
  test.each(TCP_HARD.map((row) => [row.title, row] as const))("hears or names %s", (_, row) =>
    heardMatrix().checkHard(row),
  );

  test("says in the summary that it missed nothing", () => heardMatrix().checkSummary());
});
