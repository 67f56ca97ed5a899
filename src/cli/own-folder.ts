/** A private folder for what is kept while a process runs; those that killed ones left behind go first. */
import { lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Ends with the pid: who is gone needs it no more. */
const NAME = /^overhear-mcp-(\d{1,10})-[A-Za-z0-9]{6}$/;

/** Mode 0700, below `parent`. */
export function makeOwnFolder(parent: string): string {
  for (const name of readdirSync(parent)) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) removeOwn(join(parent, name));
  }
  return mkdtempSync(join(parent, `overhear-mcp-${process.pid}-`));
}

/** Others may make such names in /tmp as well: theirs are left alone. */
function removeOwn(path: string): void {
  try {
    const stats = lstatSync(path);
    if (!stats.isDirectory() || stats.uid !== process.geteuid?.()) return;
    rmSync(path, { recursive: true, force: true });
  } catch {
    // another one that starts now does the same
  }
}

function isAlive(pid: number): boolean {
  try {
    lstatSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}
