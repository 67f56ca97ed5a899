import { expect, test } from "bun:test";
import { join } from "node:path";

const OBJECTS = join(import.meta.dir, "../../../build/x64");
/** BPF_FUNC_tail_call of linux/bpf.h, as llvm-objdump writes a call of it. */
const TAIL_CALL = /\bcall 0xc$/m;

/** Programs of a section, by name, with their instructions. */
function programsOf(object: string, section: string): Map<string, string> {
  const { stdout, exitCode } = Bun.spawnSync([
    "llvm-objdump-19",
    "--disassemble",
    "--section",
    section,
    join(OBJECTS, object),
  ]);
  expect(exitCode).toBe(0);
  const parts = stdout
    .toString()
    .split(/^[0-9a-f]+ <(\w+)>:$/m)
    .slice(1);
  const programs = new Map<string, string>();
  for (let i = 0; i + 1 < parts.length; i += 2) programs.set(parts[i] ?? "", parts[i + 1] ?? "");
  return programs;
}

// what becomes of them else is in bpf/tls.bpf.c, at UPROBE; only a kernel that preempts shows it, now and then
test("no program at a uprobe gets a stack that the runs of one CPU share", () => {
  const programs = programsOf("tls.bpf.o", "?uprobe");
  expect(programs.size).toBeGreaterThan(10);
  for (const [name, code] of programs)
    expect({ name, code }).toEqual({ name, code: expect.stringMatching(TAIL_CALL) });
});
