/** What `doctor` is asked about a program, and how it answers. */
import { describe, expect, test } from "bun:test";
import { buildCommand } from "../../../src/cli/build-command.ts";
import { renderProgram, renderProgramJson } from "../../../src/cli/doctor-program.ts";
import type { FileReport, ProgramReport, StackReport } from "../../../src/live/tls/examine.ts";

const SURROUNDINGS = { stdoutIsTerminal: true };

describe("buildCommand", () => {
  test.each([
    [["doctor"], undefined],
    [["doctor", "a b"], { file: "a b" }],
    [["doctor", "--pid", "7"], { pid: 7 }],
    [["-p7", "doctor"], { pid: 7 }],
  ])("buildCommand reads of %p what to look at", (argv, program) => {
    expect(buildCommand(argv, SURROUNDINGS)).toEqual({
      kind: "doctor",
      program,
      json: false,
      debug: false,
    });
  });

  test.each([[["a", "b"]], [["a", "-p7"]], [["-p7", "-p8"]]])(
    "buildCommand refuses doctor of %p",
    (programs) => {
      expect(() => buildCommand(["doctor", ...programs], SURROUNDINGS)).toThrow(
        "Cannot look at 2 programs: 1 at a time",
      );
    },
  );
});

const HEARD: StackReport = {
  stack: "openssl",
  hearing: { kind: "heard" },
  foundBy: "symbols",
  version: undefined,
  functions: ["SSL_read", "SSL_write"],
};
const DEAF: StackReport = {
  stack: "rustls",
  hearing: { kind: "unheard", why: "its functions\u001b differ" },
  foundBy: undefined,
  version: undefined,
  functions: [],
};
const LAYER: StackReport = {
  ...HEARD,
  stack: "dotnet",
  hearing: { kind: "elsewhere", why: "the openssl that it calls is heard" },
};

function report(stacks: readonly (readonly StackReport[])[], over: Partial<ProgramReport> = {}) {
  const files = stacks.map(
    (each, i): FileReport => ({
      file: `/usr/bin/\u001bprogram${i}`,
      buildId: i === 0 ? "ab12" : undefined,
      stacks: each,
      isKept: i === 1,
      tookMs: 1.5,
    }),
  );
  return { program: { pid: 7 }, files, otherFiles: 0, unread: [], ...over };
}

test("renderProgram tells of each stack whether and how it is heard", () => {
  const go: StackReport = { ...HEARD, stack: "go", foundBy: "pclntab", version: "go1.26.8" };
  expect(
    renderProgram(
      report(
        [
          [HEARD, DEAF],
          [LAYER, go],
        ],
        { otherFiles: 3, unread: ["/gone"] },
      ),
    ),
  ).toBe(`/usr/bin/\\x1bprogram0
  build id   ab12 (1.5 ms)
  openssl    heard, by its symbols: SSL_read, SSL_write
  rustls     not heard: its functions\\x1b differ

/usr/bin/\\x1bprogram1
  build id   none (kept from an earlier look, 1.5 ms)
  dotnet     not listened to: the openssl that it calls is heard
  go         heard, by Go's table of functions (go1.26.8): SSL_read, SSL_write

3 other files: no TLS that is known
/gone: cannot be read

Is the TLS of process 7 heard? not all of it
`);
});

test.each([
  ["yes", [[HEARD]], true],
  ["yes", [[HEARD, LAYER]], true],
  ["no", [[DEAF]], false],
  ["not all of it", [[HEARD], [DEAF]], false],
  ["it has loaded none so far that is known", [], null],
] as const)("renderProgram answers %s", (verdict, stacks, heard) => {
  expect(renderProgram(report(stacks))).toEndWith(`Is the TLS of process 7 heard? ${verdict}\n`);
  expect(JSON.parse(renderProgramJson(report(stacks)))).toMatchObject({ pid: 7, heard });
});

test("renderProgram says of a file where the rest is told", () => {
  const of = report([[]], { program: { file: "a" } });
  expect(renderProgram(of)).toEndWith(
    'Is the TLS of "a" heard? it has none that is known; what it loads when it runs --pid tells\n',
  );
});

test("renderProgramJson writes one line with all that was found", () => {
  const text = renderProgramJson(report([[HEARD, DEAF]], { program: { file: "a" } }));
  expect(text.split("\n").length).toBe(2);
  expect(JSON.parse(text)).toMatchObject({
    file: "a",
    heard: false,
    files: [
      {
        file: "/usr/bin/\u001bprogram0",
        build_id: "ab12",
        cached: false,
        took_ms: 1.5,
        stacks: [
          {
            stack: "openssl",
            heard: true,
            found_by: "symbols",
            functions: ["SSL_read", "SSL_write"],
          },
          { stack: "rustls", heard: false, reason: "its functions\u001b differ" },
        ],
      },
    ],
    other_files: 0,
    unread: [],
  });
});
