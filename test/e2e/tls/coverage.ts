/** What a test has shown to be heard in, a line of build/test/coverage.jsonl out: scripts/write-measured.ts reads them. */
import { appendFileSync, mkdirSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import type { Program } from "./programs.ts";

const DIRECTORY = join(import.meta.dir, "../../../build/test");

export type Transport = "HTTP/1.1" | "HTTP/2";

/** After all that is expected of it. */
export function covers(
  { runtime, stack }: Program,
  role: "client" | "server",
  transport: Transport = "HTTP/1.1",
): void {
  mkdirSync(DIRECTORY, { recursive: true });
  const line = { runtime, stack: stack.name, role, transport, kernel: release() };
  appendFileSync(join(DIRECTORY, "coverage.jsonl"), `${JSON.stringify(line)}\n`);
}
