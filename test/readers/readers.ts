/** NDJSON in, what readers that people have make of it out: jq 1.6, Python's json, Go's encoding/json, each as it is. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const JQ = join(ROOT, "build/test/jq/usr");
/** Debian's own, whichever is first in the path. */
const PYTHON = "/usr/bin/python3";

export interface Reader {
  readonly name: string;
  /** What it takes that this machine has not. */
  readonly lacks: string | undefined;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The texts of id, method, params, result and error on each line. */
const TEXTS =
  '"TEXTS " + ([.id_text, .method_text, .params_text, .result_text, .error_text] | tojson)';

export const JQ_1_6: Reader = {
  name: "jq 1.6",
  lacks: existsSync(join(JQ, "bin/jq")) ? undefined : "jq 1.6 (scripts/setup.sh test)",
  command: [join(JQ, "bin/jq"), "-r", `., (${TEXTS})`],
  env: { LD_LIBRARY_PATH: join(JQ, "lib/x86_64-linux-gnu") },
};

export const PYTHON_JSON: Reader = {
  name: "Python's json",
  lacks: existsSync(PYTHON) ? undefined : "python3",
  command: [PYTHON, join(import.meta.dir, "read.py")],
  // as in any locale of UTF-8 but C.UTF-8, which lets half of the halves pass
  env: { PYTHONIOENCODING: "utf-8:strict" },
};

export const GO_JSON: Reader = {
  name: "Go's encoding/json",
  lacks: Bun.which("go") === null ? "go" : undefined,
  command: [Bun.which("go") ?? "go", "run", join(import.meta.dir, "read.go")],
  env: {},
};

export const READERS: readonly Reader[] = [JQ_1_6, PYTHON_JSON, GO_JSON];

export interface Read {
  readonly code: number;
  readonly stderr: string;
  /** Of each line that was read. */
  readonly texts: readonly (readonly (string | null)[])[];
}

export async function readBy({ command, env }: Reader, ndjson: Blob | string): Promise<Read> {
  await using process = Bun.spawn([...command], {
    env: { ...Bun.env, ...env },
    stdin: new Blob([ndjson]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, stdout, stderr] = await Promise.all([
    process.exited,
    process.stdout.text(),
    process.stderr.text(),
  ]);
  const texts = stdout
    .split("\n")
    .filter((line) => line.startsWith("TEXTS "))
    .map((line) => JSON.parse(line.slice("TEXTS ".length)));
  return { code, stderr, texts };
}
