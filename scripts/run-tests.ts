/** Runs every test runner of the project; the last line is their total. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

interface Totals {
  readonly passed: number;
  /** Titles of the tests that failed: the end of the output names them, where a long log is cut. */
  readonly failed: readonly string[];
  /** Titles of the tests that were skipped. */
  readonly skipped: readonly string[];
}

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** Where `bun test` leaves its report; other runners end with "N passed, N failed, N skipped". */
  readonly junit?: string;
  /** Another file that it writes line by line: what an earlier run left is removed. */
  readonly leaves?: string;
  readonly timeoutMs: number;
}

/** Features that a machine may lack without failing the run, by how titles name them; and why that is no hole. */
const MAY_BE_MISSING: Readonly<Record<string, string>> = {
  "clock of its own": "the clock of this machine is not ours to set; the guest sets its own",
  fexit: "this kernel refuses fexit; the guest runs the same tests under it",
  speed: "an emulated guest is too slow or too small for it; the same test runs natively",
};

const ROOT = join(import.meta.dir, "..");
const MINUTE_MS = 60_000;

function bunTest(name: string, timeoutMs: number): Step {
  const junit = join(ROOT, `build/test/${name}.xml`);
  const report = ["--reporter=junit", `--reporter-outfile=${junit}`];
  const command = [process.execPath, "test", `./test/${name}`, ...report];
  return { name, command, junit, timeoutMs };
}

function guest(kernel: string, frontEnd: string, ...suites: readonly string[]): Step {
  const script = ["env", `OVERHEAR=${ROOT}/dist/overhear`, "bash", "test/kernel/in-guest.sh"];
  const boot = ["test/vm/run-in-kernel", "-t", "1500", kernel, "--"];
  const name = `guest ${kernel} ${frontEnd}, ${suites[0]}${suites.length > 1 ? " …" : ""}`;
  return { name, command: [...boot, ...script, frontEnd, ...suites], timeoutMs: 26 * MINUTE_MS };
}

/** One after the other; those of one group at once: a guest is emulated on one CPU. */
const STEPS: readonly (readonly Step[])[] = [
  [bunTest("unit", 5 * MINUTE_MS)],
  [bunTest("kernel", 14 * MINUTE_MS)],
  [{ ...bunTest("e2e", 10 * MINUTE_MS), leaves: join(ROOT, "build/test/coverage.jsonl") }],
  [bunTest("conformance", 2 * MINUTE_MS)],
  [{ name: "build", command: ["scripts/test-build.sh"], timeoutMs: 3 * MINUTE_MS }],
  [{ name: "arm64", command: ["scripts/test-arm64.sh"], timeoutMs: 3 * MINUTE_MS }],
  [
    guest(
      "6.12",
      "fexit",
      "matrix",
      "http",
      "network",
      "connections",
      "entries",
      "twin",
      "sessions",
    ),
    guest("6.12", "fexit", "tcp", "loss", "filters", "lifecycle", "tls"),
  ],
];

function count(xml: string, element: string): number {
  return xml.split(`<${element}`).length - 1;
}

function unescapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
    amp: "&",
  };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name] ?? "");
}

/** Reads JUnit XML as `bun test` writes it: one <testcase> per test, <failure> or <skipped> inside. */
function parseJunit(xml: string): Totals {
  const cases = xml.match(/<testcase\b[^>]*?(?:\/>|>[\s\S]*?<\/testcase>)/g) ?? [];
  const skipped = cases.filter((one) => count(one, "skipped") > 0);
  const failed = cases.filter((one) => count(one, "failure") + count(one, "error") > 0);
  const title = (one: string): string =>
    unescapeXml(/\bname="([^"]*)"/.exec(one)?.[1] ?? "unnamed");
  return {
    passed: cases.length - skipped.length - failed.length,
    failed: failed.map(title),
    skipped: skipped.map(title),
  };
}

/** Reads the last "N passed, N failed, N skipped" line, and the titles of "(skip) TITLE" and "(fail) TITLE" lines. */
function parseTotals(output: string): Totals | undefined {
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped\r?$/gm)].at(-1);
  if (last === undefined) return undefined;
  const titles = (verdict: string, wanted: number): string[] => {
    const lines = output.matchAll(new RegExp(`^\\(${verdict}\\) (.*?)\\r?$`, "gm"));
    const named = [...lines].map((match) => match[1] ?? "").slice(0, wanted);
    return [...named, ...new Array<string>(wanted - named.length).fill("unnamed")];
  };
  return {
    passed: Number(last[1]),
    failed: titles("fail", Number(last[2])),
    skipped: titles("skip", Number(last[3])),
  };
}

function readReport(path: string): Totals | undefined {
  try {
    return parseJunit(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Copies the stream's lines to ours as they come, and returns its text: steps may run side by side. */
async function relay(stream: ReadableStream<Uint8Array>, to: NodeJS.WriteStream): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let written = 0;
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf("\n") + 1;
    to.write(text.slice(written, end));
    written = end;
  }
  to.write(text.slice(written));
  return text;
}

async function run(step: Step): Promise<Totals> {
  console.log(`\n== ${step.name}`);
  for (const file of [step.junit, step.leaves]) if (file) rmSync(file, { force: true });
  const child = Bun.spawn([...step.command], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: step.timeoutMs,
  });
  const [output] = await Promise.all([
    relay(child.stdout, process.stdout),
    relay(child.stderr, process.stderr),
  ]);
  const code = await child.exited;
  const totals = step.junit === undefined ? parseTotals(output) : readReport(step.junit);
  if (totals === undefined || (code !== 0 && totals.failed.length === 0)) {
    const title = `${step.name}: ended with ${child.signalCode ?? code} and names no failed test`;
    console.log(`(fail) ${title}`);
    return { passed: 0, skipped: [], ...totals, failed: [...(totals?.failed ?? []), title] };
  }
  return totals;
}

/** Titles of tests skipped for a feature end in "(skipped: no FEATURE)". */
function excuse(title: string): string | undefined {
  const feature = /\(skipped: no ([^)]+)\)/.exec(title)?.[1];
  return feature === undefined ? undefined : MAY_BE_MISSING[feature];
}

const wanted = process.argv.slice(2);
const results: Totals[] = [];
const summary: string[] = [];
const isWanted = ({ name }: Step) =>
  wanted.length === 0 || wanted.some((one) => name.startsWith(one));
if (!STEPS.flat().some(isWanted)) throw new Error(`no step begins with ${wanted.join(" or ")}`);
for (const group of STEPS) {
  const steps = group.filter(isWanted);
  const done = await Promise.all(
    steps.map(async (step) => ({ name: step.name, ...(await run(step)) })),
  );
  results.push(...done);
  for (const { name, passed, failed, skipped } of done) {
    summary.push(`${name}: ${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  }
}

const passed = results.reduce((sum, totals) => sum + totals.passed, 0);
const failed = results.flatMap((totals) => totals.failed);
const skipped = results.flatMap((totals) => totals.skipped);
const unexpected = skipped.filter((title) => excuse(title) === undefined);
console.log(`\n${summary.join("\n")}`);
for (const title of skipped) console.log(`skipped: ${title}: ${excuse(title) ?? "UNEXPECTED"}`);
for (const title of failed) console.log(`FAILED: ${title}`);
if (unexpected.length > 0 || failed.length > 0) process.exitCode = 1;
console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
