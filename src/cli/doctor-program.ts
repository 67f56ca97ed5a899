/** What was found in a program in, text or JSON out. */

import type { FoundBy } from "../libraries/types.ts";
import type { FileReport, ProgramReport, StackReport } from "../live/tls/examine.ts";
import { printable } from "../sinks/printable.ts";
import { VERSION } from "./version.ts";

const WAYS: Readonly<Record<FoundBy, string>> = {
  symbols: "by its symbols",
  "error-sites": "by the errors that it raises",
  pclntab: "by Go's table of functions",
};

export function renderProgram(report: ProgramReport): string {
  const lines = report.files.flatMap((file) => [...renderFile(file), ""]);
  const { otherFiles, unread } = report;
  if (otherFiles > 0) lines.push(`${otherFiles} other files: no TLS that is known`);
  for (const name of unread) lines.push(`${printable(name)}: cannot be read`);
  if (otherFiles + unread.length > 0) lines.push("");
  return `${[...lines, `Is the TLS of ${subjectOf(report)} heard? ${verdictOf(report)}`].join("\n")}\n`;
}

function renderFile({ file, buildId, stacks, isKept, tookMs }: FileReport): string[] {
  const how = `${isKept ? "kept from an earlier look, " : ""}${tookMs} ms`;
  return [
    printable(file),
    `  build id   ${buildId ?? "none"} (${how})`,
    ...stacks.map((stack) => `  ${stack.stack.padEnd(10)} ${renderStack(stack)}`),
  ];
}

function renderStack({ hearing, foundBy, version, functions }: StackReport): string {
  if (hearing.kind === "elsewhere") return `not listened to: ${hearing.why}`;
  if (hearing.kind === "unheard") return `not heard: ${printable(hearing.why)}`;
  const found = foundBy === undefined ? "" : `, ${WAYS[foundBy]}`;
  const of = version === undefined ? "" : ` (${printable(version)})`;
  return `heard${found}${of}: ${functions.join(", ")}`;
}

function subjectOf({ program }: ProgramReport): string {
  return "pid" in program ? `process ${program.pid}` : `"${printable(program.file)}"`;
}

/** undefined: there is none. */
function isHeard({ files }: ProgramReport): boolean | undefined {
  const kinds = files.flatMap(({ stacks }) => stacks.map(({ hearing }) => hearing.kind));
  if (kinds.length === 0) return undefined;
  return kinds.includes("heard") && !kinds.includes("unheard");
}

function verdictOf(report: ProgramReport): string {
  const heard = isHeard(report);
  if (heard === undefined) {
    return "pid" in report.program
      ? "it has loaded none so far that is known"
      : "it has none that is known; what it loads when it runs --pid tells";
  }
  if (heard) return "yes";
  const some = report.files.some(({ stacks }) =>
    stacks.some((each) => each.hearing.kind === "heard"),
  );
  return some ? "not all of it" : "no";
}

/** One object on one line: {version, pid or file, heard, files: [{file, build_id?, stacks}], other_files, unread}. */
export function renderProgramJson(report: ProgramReport): string {
  const { program, files, otherFiles, unread } = report;
  const json = {
    version: VERSION,
    ...program,
    heard: isHeard(report) ?? null,
    files: files.map(({ file, buildId, stacks, isKept, tookMs }) => ({
      file,
      build_id: buildId,
      cached: isKept,
      took_ms: tookMs,
      stacks: stacks.map((stack) => ({
        stack: stack.stack,
        heard: stack.hearing.kind === "heard",
        found_by: stack.foundBy,
        version: stack.version,
        functions: stack.functions,
        reason: "why" in stack.hearing ? stack.hearing.why : undefined,
      })),
    })),
    other_files: otherFiles,
    unread,
  };
  return `${JSON.stringify(json)}\n`;
}
