/** A library that gives nothing like HTTP is let go, and that is said. */
import { expect, test } from "bun:test";
import type { CoverageLine } from "../../../../src/exchange/types.ts";
import { mappedFiles } from "../../../../src/live/tls/mapped-files.ts";
import { TlsStrangers } from "../../../../src/live/tls/strangers.ts";

const PID = process.pid;

function setUp(known: readonly number[], gone: readonly string[]) {
  const told: CoverageLine[] = [];
  const asked: [number, number, boolean][] = [];
  const strangers = new TlsStrangers({
    libraries: {
      strange: (pid, keys, isProven) => {
        asked.push([pid, keys.length, isProven(keys[0] ?? "")]);
        return [...gone];
      },
    },
    knownUsers: () => known,
    processAt: (pid, startNs, comm) => ({
      pid,
      startNs,
      comm,
      commandLine: [],
      containerId: undefined,
      exit: undefined,
    }),
    tell: (line) => void told.push(line),
  });
  return { strangers, told, asked };
}

const STRANGE = { kind: "tls-strange", pid: PID, timeNs: 7, startNs: 5, comm: "agent" } as const;

test("TlsStrangers asks for the files of a process, and whether others have heard of them", () => {
  const files = mappedFiles(PID).length;
  for (const [known, isProven] of [
    [[], false],
    [[1, PID], true],
  ] as const) {
    const { strangers, told, asked } = setUp(known, []);
    strangers.observe(STRANGE);
    strangers.chores();
    strangers.chores();
    expect(asked).toEqual([[PID, files, isProven]]);
    expect(told).toEqual([]);
  }
});

test("TlsStrangers tells of libraries that were let go", () => {
  const { strangers, told } = setUp([], ["/a", "/b"]);
  strangers.observe({ ...STRANGE, kind: "tls-seen" });
  strangers.chores();
  expect(told).toEqual([]);
  strangers.observe(STRANGE);
  strangers.chores();
  expect(told).toMatchObject([
    { kind: "coverage", reason: "tls_not_http", process: { pid: PID }, count: 2, timeNs: 7 },
  ]);
});
