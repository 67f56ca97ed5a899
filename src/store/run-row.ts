/** A run of the tool that is about to write in, its row and the first free id out; no two runs write at once. */
import type { Database } from "bun:sqlite";
import { readFileSync } from "node:fs";
import { OutputError } from "../sinks/errors.ts";

export interface RunFacts {
  readonly path: string;
  /** Wall clock, µs. */
  readonly startUs: number;
  readonly version: string;
  readonly isReplay: boolean;
  readonly isRedacted: boolean;
  readonly maxBodyBytes: number;
  readonly recordsFiles: boolean;
}

export interface StartedRun {
  readonly runId: number;
  readonly firstId: number;
}

interface UnfinishedRun {
  readonly id: number;
  readonly boot_id: string | null;
  readonly pid: number;
  readonly pid_start: string;
}

/** @throws OutputError: another run writes to it; SQLiteError */
export function startRun(db: Database, facts: RunFacts): StartedRun {
  const start = db.transaction((): StartedRun => {
    const unfinished = db
      .query<UnfinishedRun, []>("SELECT id, boot_id, pid, pid_start FROM runs WHERE end_us IS NULL")
      .all();
    for (const run of unfinished) {
      if (isRunning(run)) throw inUse(facts.path, run.pid);
      closeKilled(db, run.id);
    }
    const row = db
      .query<{ id: number }, (string | number | null)[]>(
        "INSERT INTO runs (start_us, boot_id, pid, pid_start, version, is_replay, is_redacted, body_limit, records_files) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
      )
      .get(
        facts.startUs,
        readBootId(),
        process.pid,
        startOf(process.pid) ?? "",
        facts.version,
        Number(facts.isReplay),
        Number(facts.isRedacted),
        facts.maxBodyBytes,
        Number(facts.recordsFiles),
      );
    const last = db
      .query<{ id: number | null }, []>("SELECT max(last_id) AS id FROM segments")
      .get();
    return { runId: row?.id ?? 0, firstId: (last?.id ?? 0) + 1 };
  });
  return start.immediate();
}

/** It never said how it ended: when its last rows were heard is all that is known. */
function closeKilled(db: Database, run: number): void {
  db.query(
    "UPDATE runs SET ended_by = 'killed', end_us = coalesce((SELECT max(end_us) FROM segments WHERE run_id = ?1), start_us) WHERE id = ?1",
  ).run(run);
}

function isRunning({ boot_id, pid, pid_start }: UnfinishedRun): boolean {
  return boot_id === readBootId() && startOf(pid) === pid_start;
}

/** Start of a process as the kernel counts it, which tells it from a later one of the same pid; undefined: there is none. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // behind the comm, which may hold anything
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Of this boot: times of the kernel's clock are of one boot. */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function inUse(path: string, pid: number): OutputError {
  return new OutputError(`Cannot write to "${path}": overhear with pid ${pid} writes to it`, {
    path,
    hint: "one run writes to a history at a time; name another file, or end the other run",
  });
}
