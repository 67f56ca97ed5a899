/** Rows of a matrix in, one run of the tool over all of them out. */
import { expect } from "bun:test";
import { basename } from "node:path";
import { differences, type Expectations, linesAbout, lossOf, messagesOf } from "./compare.ts";
import { at, numberAt } from "./json.ts";
import type { Row } from "./rows.ts";
import { EMULATED } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";
import { Traffic } from "./traffic.ts";
import type { Truth } from "./truth.ts";

const AT_ONCE = EMULATED ? 2 : 3;

export class Matrix {
  readonly heard: Heard;
  readonly #frontEnd: string;
  readonly #truths: ReadonlyMap<Row, Truth | undefined>;

  constructor(frontEnd: string, heard: Heard, truths: ReadonlyMap<Row, Truth | undefined>) {
    this.#frontEnd = frontEnd;
    this.heard = heard;
    this.#truths = truths;
  }

  /** `program`: a copy of test/traffic under another name; then only this is heard. */
  static hear(frontEnd: string, rows: readonly Row[], program?: string): Promise<Matrix> {
    return hear(frontEnd, rows, program);
  }

  /** Undefined: the kernel lacks a call. */
  truthOf(row: Row): Truth | undefined {
    return this.#truths.get(row);
  }

  /** A row that emulation had the kernel skip program runs of (the summary admits it) is heard once more, alone. */
  async check(row: Row, extra: (truth: Truth) => Expectations = () => ({})): Promise<void> {
    let found = this.#differences(row, extra);
    if (found.length > 0 && hasSkips(this.heard)) {
      found = (await hear(this.#frontEnd, [row])).#differences(row, extra);
    }
    expect(found).toEqual([]);
  }

  /** Of a TCP connection it is in no account. */
  checkTcpHalf(row: Row): Promise<void> {
    return this.check(row, (truth) => ({ uncounted: { c2s: restOfLine(row, truth) } }));
  }

  /** What stood half in the channel at the start is a loss. */
  checkHalf(row: Row): Promise<void> {
    return this.check(row, (truth) => ({
      loss: { c2s: { started_before_attach: restOfLine(row, truth) } },
    }));
  }

  /** Heard in full, or told of. */
  checkHard(row: Row): void {
    const truth = this.truthOf(row);
    // where the kernel has no io_uring there is nothing to hear
    if (truth === undefined) return;
    const { heard } = this;
    if (differences(heard, truth).length === 0) return;
    const lost = [...lossOf(heard, truth, "c2s"), ...lossOf(heard, truth, "s2c")];
    const named = isNamed(heard, truth) || lost.some((line) => numberAt(line, "bytes") > 0);
    expect({ heard: messagesOf(heard, truth).length, named }).toEqual({
      heard: expect.any(Number),
      named: true,
    });
  }

  /** Not a line is about it. */
  checkSilence(row: Row): void {
    const truth = this.truthOf(row);
    expect(truth && linesAbout(this.heard, truth)).toEqual([]);
  }

  /** It missed nothing and says so. A preemptible kernel may skip runs, in emulation often. */
  checkSummary(): void {
    const { summary, exitCode } = this.heard;
    expect({ exact: at(summary, "exact"), front: at(summary, "front_end") }).toEqual({
      exact: !hasSkips(this.heard),
      front: this.#frontEnd,
    });
    expect(exitCode).toBe(0);
  }

  #differences(row: Row, extra: (truth: Truth) => Expectations): string[] {
    const truth = this.truthOf(row);
    if (truth === undefined) throw new Error("this kernel lacks a call of this row");
    return differences(this.heard, truth, { ...row, ...extra(truth) });
  }
}

/** What was begun before the start and ended after it: the rest of a line that nobody can make whole. */
function restOfLine(row: Row, truth: Truth): number {
  const whole = truth.read
    .filter((one) => one.direction === "c2s" && one.afterGo && !row.unheard?.includes(one.id))
    .reduce((sum, one) => sum + one.bytes, 0);
  return truth.readBytes.c2s - whole;
}

/** One run of the tool over all rows. */
async function hear(frontEnd: string, rows: readonly Row[], program?: string): Promise<Matrix> {
  const truths = new Map<Row, Truth | undefined>();
  const early = rows.filter((row) => row.held === true);
  const held = early.map((row) => ({
    row,
    traffic: new Traffic(row.args, program ?? row.program),
  }));
  await Promise.all(held.map(({ traffic }) => traffic.held()));
  // larger than the longest line: what a full ring does is for the loss tests to say
  const only = program === undefined ? [] : ["--comm", basename(program)];
  await using tool = await Tool.start("--attach", frontEnd, "--ring", "64M", ...only);
  for (const { row, traffic } of held) {
    traffic.go();
    truths.set(row, await traffic.over());
  }
  const waiting = rows.filter((row) => row.held !== true && row.alone !== true);
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift())
      truths.set(row, await new Traffic(row.args, program ?? row.program).over());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  for (const row of rows.filter((one) => one.alone === true)) {
    await tool.caughtUp(program);
    truths.set(row, await new Traffic(row.args, program ?? row.program).over());
  }
  await tool.caughtUp(program);
  return new Matrix(frontEnd, await tool.stop(), truths);
}

/** A conversation that cannot be heard is at least told of. */
function isNamed(heard: Heard, truth: Truth): boolean {
  return linesAbout(heard, truth).some((line) => line["kind"] === "coverage");
}

/** Emulation makes the kernel skip program runs; the summary admits it. */
function hasSkips(heard: Heard): boolean {
  return EMULATED && numberAt(heard.summary, "skipped_runs") > 0;
}
