/** This host in, what works here and what to do about the rest out, as text or JSON. */
import type { ProbeReport } from "../capture/probe.ts";
import { printable } from "../sinks/printable.ts";
import { type Diagnosis, diagnose, type HostCheck, mayListen } from "./host-checks.ts";
import { readHostFacts } from "./host-facts.ts";
import type { Probe } from "./types.ts";
import { VERSION } from "./version.ts";

/** Tries the front ends only where it is allowed to; what fails is a failed check, never an exception. */
export async function examineHost(probe: Probe): Promise<Diagnosis> {
  const facts = readHostFacts();
  return diagnose(facts, mayListen(facts) === false ? undefined : await tryProbe(probe));
}

async function tryProbe(probe: Probe): Promise<ProbeReport | Error> {
  try {
    return await probe();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const MARKS: Readonly<Record<HostCheck["status"], string>> = {
  ok: "ok",
  warning: "warning",
  failed: "FAILED",
  unknown: "unknown",
  info: "info",
};

export function renderDiagnosis(diagnosis: Diagnosis): string {
  const width = Math.max(...diagnosis.checks.map(({ check }) => check.length));
  const lines = diagnosis.checks.flatMap(({ check, status, found, hint }) => [
    `${MARKS[status].padEnd(8)} ${check.padEnd(width)}  ${printable(found)}`,
    ...(hint === undefined ? [] : [`${" ".repeat(width + 11)}hint: ${printable(hint)}`]),
  ]);
  return `${lines.join("\n")}\n\nCan overhear ${VERSION} listen here? ${diagnosis.verdict}\n`;
}

/** One object on one line: {version, can_listen, verdict, checks: [{check, status, found, hint?}]}. */
export function renderDiagnosisJson(diagnosis: Diagnosis): string {
  const { checks, verdict, exitCode } = diagnosis;
  const report = { version: VERSION, can_listen: exitCode === 0, verdict, checks };
  return `${JSON.stringify(report)}\n`;
}
