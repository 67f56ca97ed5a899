/** Every way bytes move through pipes and Unix sockets × every front end that this kernel has: all is heard. */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { differences, type Expectations, linesAbout, lossOf, messagesOf } from "./compare.ts";
import { at, numberAt } from "./json.ts";
import { BITS_32, GRID, HALF, HARD, HELD, type Row, SPECIAL } from "./rows.ts";
import {
  EMULATED,
  FRONT_ENDS,
  missing,
  PATIENCE_MS,
  runs32Bit,
  titled,
  worksHere,
} from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";
import { Traffic } from "./traffic.ts";
import type { Truth } from "./truth.ts";

const AT_ONCE = EMULATED ? 2 : 3;

setDefaultTimeout(PATIENCE_MS * 10);

interface Result {
  readonly heard: Heard;
  /** Undefined: the kernel lacks a call. */
  readonly truths: ReadonlyMap<Row, Truth | undefined>;
}

/** One run of the tool over all rows. */
async function hear(frontEnd: string, rows: readonly Row[]): Promise<Result> {
  const truths = new Map<Row, Truth | undefined>();
  const early = rows.filter((row) => row.held === true);
  const held = early.map((row) => ({ row, traffic: new Traffic(row.args, row.program) }));
  await Promise.all(held.map(({ traffic }) => traffic.held()));
  // larger than the longest line: what a full ring does is for the loss tests to say
  await using tool = await Tool.start("--attach", frontEnd, "--ring", "64M");
  for (const { row, traffic } of held) {
    traffic.go();
    truths.set(row, await traffic.over());
  }
  const waiting = rows.filter((row) => row.held !== true && row.alone !== true);
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift())
      truths.set(row, await new Traffic(row.args, row.program).over());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  for (const row of rows.filter((one) => one.alone === true)) {
    await tool.caughtUp();
    truths.set(row, await new Traffic(row.args, row.program).over());
  }
  await tool.caughtUp();
  return { heard: await tool.stop(), truths };
}

/** What was begun before the start and ended after it: the rest of a line that nobody can make whole. */
function restOfLine(row: Row, truth: Truth): number {
  const whole = truth.read
    .filter((one) => one.direction === "c2s" && one.afterGo && !row.unheard?.includes(one.id))
    .reduce((sum, one) => sum + one.bytes, 0);
  return truth.readBytes.c2s - whole;
}

function isNamed(heard: Heard, truth: Truth): boolean {
  return linesAbout(heard, truth).some((line) => line["kind"] === "coverage");
}

function hasSkips(heard: Heard): boolean {
  return EMULATED && numberAt(heard.summary, "skipped_runs") > 0;
}

const lacks = missing();
const has32Bit = runs32Bit();

describe.each([...FRONT_ENDS])("overhear --attach %s", (frontEnd) => {
  const reason = lacks ?? (worksHere(frontEnd) ? undefined : frontEnd);
  if (reason !== undefined) {
    test.skip(titled(`hears the matrix under ${frontEnd}`, reason), () => {});
    return;
  }

  let result: Result | undefined;
  beforeAll(async () => {
    const rows = [...GRID, ...SPECIAL, ...HELD, ...HALF, ...HARD, ...(has32Bit ? BITS_32 : [])];
    result = await hear(frontEnd, rows);
  });

  type Extra = (truth: Truth) => Expectations;

  function compare(run: Result | undefined, row: Row, extra: Extra): string[] {
    if (run === undefined) throw new Error("the tool did not run");
    const truth = run.truths.get(row);
    if (truth === undefined) throw new Error("this kernel lacks a call of this row");
    return differences(run.heard, truth, { ...row, ...extra(truth) });
  }

  /** A row that emulation had the kernel skip program runs of (the summary admits it) is heard once more, alone. */
  async function check(row: Row, extra: Extra = () => ({})): Promise<void> {
    let found = compare(result, row, extra);
    if (found.length > 0 && result !== undefined && hasSkips(result.heard)) {
      found = compare(await hear(frontEnd, [row]), row, extra);
    }
    expect(found).toEqual([]);
  }

  test.each(GRID.map((row) => [row.title, row] as const))("hears %s [capture/matrix]", (_, row) =>
    check(row),
  );
  test.each(SPECIAL.map((row) => [row.title, row] as const))("hears %s", (_, row) => check(row));
  test.each(HELD.map((row) => [row.title, row] as const))("hears %s", (_, row) => check(row));
  test.each(HALF.map((row) => [row.title, row] as const))("accounts for %s", (_, row) =>
    check(row, (truth) => ({ loss: { c2s: { started_before_attach: restOfLine(row, truth) } } })),
  );
  if (has32Bit || process.arch !== "x64")
    test.each(has32Bit ? BITS_32.map((row) => [row.title, row] as const) : [])(
      "hears %s",
      (_, row) => check(row),
    );
  else test.skip(titled("hears 32-bit processes", "32-bit programs"), () => {});

  test.each(HARD.map((row) => [row.title, row] as const))("hears or names %s", (_, row) => {
    const truth = result?.truths.get(row);
    // Where the kernel has no io_uring there is nothing to hear.
    if (result === undefined || truth === undefined) return;
    const { heard } = result;
    if (differences(heard, truth).length === 0) return;
    const lost = [...lossOf(heard, truth, "c2s"), ...lossOf(heard, truth, "s2c")];
    const named = isNamed(heard, truth) || lost.some((line) => numberAt(line, "bytes") > 0);
    expect({ heard: messagesOf(heard, truth).length, named }).toEqual({
      heard: expect.any(Number),
      named: true,
    });
  });

  test("says in the summary that it missed nothing", () => {
    const summary = result?.heard.summary;
    // a preemptible kernel may skip runs, in emulation often; every row was whole nevertheless
    const mayDoubt = result !== undefined && hasSkips(result.heard);
    expect({ exact: at(summary, "exact"), front: at(summary, "front_end") }).toEqual({
      exact: !mayDoubt,
      front: frontEnd,
    });
    expect(result?.heard.exitCode).toBe(0);
  });
});
