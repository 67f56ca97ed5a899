/** A process or a file in; which TLS stacks it has, and whether and how each is heard, out: what `doctor` tells. */
import { closeSync, existsSync, readFileSync } from "node:fs";
import { UsageError } from "../../cli/errors.ts";
import type { Program } from "../../cli/types.ts";
import type { FoundBy, TlsStack } from "../../libraries/types.ts";
import { errorText } from "../../sinks/errors.ts";
import { Analyses } from "./analyses.ts";
import { CacheFolder } from "./cache-folder.ts";
import { type Hearing, hearingOf } from "./hearable.ts";
import { filesOfCommand } from "./known-places.ts";
import { type MappedFile, mappedFiles } from "./mapped-files.ts";
import { openMapped } from "./open-mapped.ts";

export interface StackReport {
  readonly stack: TlsStack;
  readonly hearing: Hearing;
  readonly foundBy: FoundBy | undefined;
  /** Of Go: "go1.26.8". */
  readonly version: string | undefined;
  /** What is listened to. */
  readonly functions: readonly string[];
}

export interface FileReport {
  readonly file: string;
  readonly buildId: string | undefined;
  /** Empty: none that is known. */
  readonly stacks: readonly StackReport[];
  /** Read from what was kept of an earlier look. */
  readonly isKept: boolean;
  /** How long that took. */
  readonly tookMs: number;
}

export interface ProgramReport {
  readonly program: Program;
  /** Those with TLS; of a file, that file. */
  readonly files: readonly FileReport[];
  /** Mapped files without. */
  readonly otherFiles: number;
  /** Mapped files that could not be read. */
  readonly unread: readonly string[];
}

/** @throws UsageError when there is no such process or file, or it may not be looked at */
export function examine(program: Program): ProgramReport {
  const analyses = new Analyses(CacheFolder.open());
  const files = "pid" in program ? filesOfProcess(program.pid) : filesOfPath(program.file);
  const unread: string[] = [];
  const reports = files.flatMap((file) => {
    const report = reportOn(analyses, file);
    if (report === undefined) unread.push(file.name);
    return report ?? [];
  });
  const wanted = "pid" in program ? reports.filter(({ stacks }) => stacks.length > 0) : reports;
  return { program, files: wanted, otherFiles: reports.length - wanted.length, unread };
}

function filesOfProcess(pid: number): readonly MappedFile[] {
  const subject = `Cannot look at process ${pid}`;
  try {
    readFileSync(`/proc/${pid}/maps`);
  } catch (cause) {
    throw new UsageError(`${subject}: ${errorText(cause)}`, hintFor(cause), { cause });
  }
  const files = mappedFiles(pid);
  if (files.length > 0) return files;
  throw new UsageError(
    `${subject}: 0 files mapped, at least 1 needed`,
    "it is a thread of the kernel, or it has ended",
  );
}

function hintFor(cause: unknown): string {
  return /EACCES|EPERM/.test(errorText(cause)) ? "run it with sudo" : "ps -e lists those that run";
}

/** A script is what interprets it. A name without a slash is a command's; where there is none, a file's in this folder. */
function filesOfPath(path: string): readonly MappedFile[] {
  for (const each of path.includes("/") ? [path] : [path, `./${path}`]) {
    const files = filesOfCommand(each);
    if (files.length > 0) return files;
  }
  const why = existsSync(path) ? "it is no program and no library" : "there is no such file";
  throw new UsageError(
    `Cannot look at "${path}": ${why}`,
    "name a program, a library or a script; --pid looks at one that runs",
  );
}

function reportOn(analyses: Analyses, file: MappedFile): FileReport | undefined {
  const start = performance.now();
  const fd = openMapped(file);
  if (fd === undefined) return undefined;
  try {
    const { buildId, libraries, notHeard, isKept } = analyses.of(fd);
    const stacks = [
      ...libraries.map((library): StackReport => {
        const { stack, foundBy, version, probes } = library;
        const functions = probes.map((each) => each.function);
        return { stack, hearing: hearingOf(library), foundBy, version, functions };
      }),
      ...notHeard.map(
        ({ stack, reason }): StackReport => ({
          stack,
          hearing: { kind: "unheard", why: reason },
          foundBy: undefined,
          version: undefined,
          functions: [],
        }),
      ),
    ];
    const tookMs = Math.round((performance.now() - start) * 10) / 10;
    return { file: file.name, buildId, stacks, isKept, tookMs };
  } finally {
    closeSync(fd);
  }
}
