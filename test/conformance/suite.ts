/** A server's URL and a revision in, what the official suite says of every scenario that the revision names out. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at, textAt } from "../e2e/json.ts";

const PACKAGE = join(import.meta.dir, "../e2e/node_modules/@modelcontextprotocol/conformance");

export const REVISIONS = ["2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof REVISIONS)[number];

export interface Requirements {
  /** Scenarios that a server has to pass. */
  readonly required: readonly string[];
  /** Scenarios that are run and do not count, with why. */
  readonly unscored: ReadonlyMap<string, string>;
}

/** As the suite has them; frozen with the revision. */
export async function readRequirements(revision: Revision): Promise<Requirements> {
  const parsed: unknown = Bun.YAML.parse(
    await readFile(join(PACKAGE, `requirements/${revision}.yaml`), "utf8"),
  );
  const required = listAt(parsed, "server").map(String);
  const servers = listAt(parsed, "not_scored").filter((each) => at(each, "leg") === "server");
  return {
    required,
    unscored: new Map(servers.map((each) => [textAt(each, "scenario"), textAt(each, "reason")])),
  };
}

export interface Check {
  readonly id: string;
  readonly status: string;
  readonly message: string | undefined;
}

/** Scenario to its checks. */
export type Results = ReadonlyMap<string, readonly Check[]>;

export async function runSuite(url: string, revision: Revision): Promise<Results> {
  const folder = await mkdtemp(join(tmpdir(), "overhear-conformance-"));
  try {
    const child = Bun.spawn(
      [
        process.execPath,
        join(PACKAGE, "dist/index.js"),
        ...["server", "--url", url, "--requirements", revision, "-o", folder],
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "ignore", timeout: 100_000 },
    );
    await child.exited;
    if (child.signalCode !== null) throw new Error(`the suite was killed: ${child.signalCode}`);
    return await readResults(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A folder for each scenario: server-NAME-TIME. */
async function readResults(folder: string): Promise<Results> {
  const results = new Map<string, readonly Check[]>();
  for (const name of await readdir(folder)) {
    const scenario = /^server-(.+?)-\d{4}-\d{2}-\d{2}T/.exec(name)?.[1];
    if (scenario === undefined) continue;
    const checks: unknown = JSON.parse(await readFile(join(folder, name, "checks.json"), "utf8"));
    if (!Array.isArray(checks)) throw new Error(`${name}: no list of checks`);
    results.set(
      scenario,
      checks.map((check) => {
        const message = at(check, "errorMessage");
        return {
          id: textAt(check, "id"),
          status: textAt(check, "status"),
          message: typeof message === "string" ? message : undefined,
        };
      }),
    );
  }
  return results;
}

/** What did not pass: FAILURE, and WARNING for what the revision only recommends. */
export function missesOf(checks: readonly Check[] | undefined): readonly Check[] {
  if (checks === undefined) return [{ id: "scenario", status: "FAILURE", message: "was not run" }];
  return checks.filter(({ status }) => status !== "SUCCESS" && status !== "INFO");
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const found = at(value, key);
  if (!Array.isArray(found)) throw new Error(`no list at ${key}`);
  return found;
}
