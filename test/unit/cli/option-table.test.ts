import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { renderCompletions } from "../../../src/cli/completions.ts";
import { renderCliDocs } from "../../../src/cli/docs.ts";
import { renderHelp } from "../../../src/cli/help.ts";
import { renderMan } from "../../../src/cli/man.ts";

/** Every option that is promised; the table in src must not lose one silently. */
const LONG = [
  "pid comm container cgroup transport method tool server kinds all-jsonrpc redact raw format output",
  "rotate keep db db-keep db-body since limit color quiet duration max-messages fail-on-loss attach ring max-message json verbose",
  "debug help version listen token-file no-redact",
]
  .join(" ")
  .split(" ");
/** Not of the command that listens: its help is that of the tool. */
const ELSEWHERE = ["json", "since", "limit", "listen", "token-file", "no-redact"];
const COMMANDS = ["run", "replay", "query", "mcp", "doctor", "completions", "man"];

function occurrences(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}

describe("option table", () => {
  test.each(LONG.filter((name) => !ELSEWHERE.includes(name)))(
    "renderHelp explains --%s exactly once",
    (name) => {
      const entries = new RegExp(`^ +(-\\w, )?--${name}( [A-Z|.]+)?( |$)`, "gm");
      expect(occurrences(renderHelp("listen"), entries)).toBe(1);
    },
  );

  test("renderHelp explains --json, --since and --limit where they can be used", () => {
    expect(renderHelp("doctor")).toContain("--json");
    for (const name of ["json", "since", "limit"])
      expect(renderHelp("query")).toContain(`--${name}`);
    expect(renderHelp("listen")).not.toMatch(/^ +--(json|since|limit)/m);
  });

  test.each(["listen", "run", "replay", "query", "mcp", "doctor", "completions", "man"])(
    "renderHelp of %s fits 80 columns",
    (command) => {
      const tooLong = renderHelp(command)
        .split("\n")
        .filter((line) => line.length > 80);
      expect(tooLong).toEqual([]);
    },
  );

  test("renderHelp names every exit code", () => {
    for (const code of [0, 1, 2, 3, 4, 5, 6]) {
      expect(renderHelp("listen")).toMatch(new RegExp(`^ {2}${code}  \\w`, "m"));
    }
  });

  test.each(LONG)("renderMan has one entry for --%s", (name) => {
    const escaped = name.replaceAll("-", "\\\\-");
    const entries = new RegExp(`^\\.TP\n(.*, )?\\\\fB\\\\-\\\\-${escaped}\\\\fR`, "gm");
    expect(occurrences(renderMan(), entries)).toBe(1);
  });

  test.each(LONG)("renderCliDocs has one entry for --%s", (name) => {
    const entries = new RegExp(`^- (\`-[^\`]+\`, )?\`--${name}[ \`]`, "gm");
    expect(occurrences(renderCliDocs(), entries)).toBe(1);
  });

  test.each(LONG)("renderCompletions offers --%s in every shell", (name) => {
    expect(renderCompletions("bash")).toMatch(new RegExp(`[" ]--${name}[" ]`));
    expect(renderCompletions("zsh")).toMatch(new RegExp(`'\\*?--${name}(=|\\[)`));
    expect(occurrences(renderCompletions("fish"), new RegExp(` -l ${name} `, "g"))).toBe(1);
  });

  test.each(COMMANDS)("renderCompletions offers the command %s in every shell", (command) => {
    expect(renderCompletions("bash")).toContain(` ${command}`);
    expect(renderCompletions("zsh")).toContain(`'${command}:`);
    expect(renderCompletions("fish")).toContain(` -a ${command} `);
  });

  test.each([
    ["docs/overhear.1", renderMan],
    ["docs/cli.md", renderCliDocs],
  ])("%s is what the table makes: bun scripts/generate-docs.ts", async (path, render) => {
    expect(await Bun.file(new URL(`../../../${path}`, import.meta.url)).text()).toBe(render());
  });

  test.each([
    ["bash", ["bash", "-n"]],
    ["zsh", ["zsh", "-n"]],
    ["fish", ["fish", "--no-execute"]],
  ] as const)("renderCompletions writes a script that %s accepts", async (shell, check) => {
    // bash is on every machine that builds this; the others are checked where they are installed.
    if (shell !== "bash" && Bun.which(shell) === null) return;
    const file = `${tmpdir()}/overhear-completions-${process.pid}.${shell}`;
    await Bun.write(file, renderCompletions(shell));
    const result = Bun.spawnSync([...check, file]);
    await Bun.file(file).delete();
    expect({ stderr: result.stderr.toString(), code: result.exitCode }).toEqual({
      stderr: "",
      code: 0,
    });
  });

  test.each<[string, string[]]>([
    ["overhear --att", ["--attach"]],
    ["overhear --attach f", ["fexit"]],
    ["overhear do", ["doctor"]],
    ["overhear doctor --j", ["--json"]],
    ["overhear run --pi", []],
    ["overhear completions z", ["zsh"]],
  ])("renderCompletions for bash completes %p", (line, expected) => {
    const words = line.split(" ");
    const script = `${renderCompletions("bash")}
compopt() { :; }
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_overhear; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const result = Bun.spawnSync(["bash", "-c", script]);
    expect(result.stdout.toString().split("\n").filter(Boolean)).toEqual(expected);
  });
});
