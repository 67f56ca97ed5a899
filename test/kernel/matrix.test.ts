/** Every way bytes move through pipes and Unix sockets × every front end that this kernel has: all is heard. */
import { beforeAll, describe, setDefaultTimeout, test } from "bun:test";
import { Matrix } from "./hear-rows.ts";
import { BITS_32, GRID, HALF, HARD, HELD, SPECIAL } from "./rows.ts";
import { FRONT_ENDS, missing, PATIENCE_MS, runs32Bit, titled, worksHere } from "./settings.ts";

setDefaultTimeout(PATIENCE_MS * 10);

const lacks = missing();
const has32Bit = runs32Bit();

describe.each([...FRONT_ENDS])("overhear --attach %s", (frontEnd) => {
  const reason = lacks ?? (worksHere(frontEnd) ? undefined : frontEnd);
  if (reason !== undefined) {
    test.skip(titled(`hears the matrix under ${frontEnd}`, reason), () => {});
    return;
  }

  let matrix: Matrix | undefined;
  beforeAll(async () => {
    const rows = [...GRID, ...SPECIAL, ...HELD, ...HALF, ...HARD, ...(has32Bit ? BITS_32 : [])];
    matrix = await Matrix.hear(frontEnd, rows);
  });

  function heardMatrix(): Matrix {
    if (matrix === undefined) throw new Error("the tool did not run");
    return matrix;
  }

  test.each(GRID.map((row) => [row.title, row] as const))("hears %s [capture/matrix]", (_, row) =>
    heardMatrix().check(row),
  );
  test.each(SPECIAL.map((row) => [row.title, row] as const))("hears %s", (_, row) =>
    heardMatrix().check(row),
  );
  test.each(HELD.map((row) => [row.title, row] as const))("hears %s", (_, row) =>
    heardMatrix().check(row),
  );
  test.each(HALF.map((row) => [row.title, row] as const))("accounts for %s", (_, row) =>
    heardMatrix().checkHalf(row),
  );
  if (has32Bit || process.arch !== "x64")
    test.each(has32Bit ? BITS_32.map((row) => [row.title, row] as const) : [])(
      "hears %s",
      (_, row) => heardMatrix().check(row),
    );
  else test.skip(titled("hears 32-bit processes", "32-bit programs"), () => {});

  test.each(HARD.map((row) => [row.title, row] as const))("hears or names %s", (_, row) =>
    heardMatrix().checkHard(row),
  );

  test("says in the summary that it missed nothing", () => heardMatrix().checkSummary());
});
