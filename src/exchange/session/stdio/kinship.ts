/** Processes in, whether they were begun as parts of one thing out: by descent, or by process group. */
import type { Party, Process } from "../../../capture/types.ts";
import { isProcess } from "../../../party.ts";

/**
 * Whether two processes together are the other end of `shared`: one branch below it, such as the shell that it ran, or one
 * process group that is not its own. What all three descend from says nothing: two servers of one client have that, too.
 */
export function areKin(
  one: Party | undefined,
  other: Party | undefined,
  shared: Party | undefined,
): boolean {
  if (!isProcess(one) || !isProcess(other) || !isProcess(shared)) return false;
  return areOfOneGroup(one, other, shared) || areOfOneBranch(one, other, shared);
}

function areOfOneGroup(one: Process, other: Process, shared: Process): boolean {
  if (one.groupId === undefined || shared.groupId === undefined) return false;
  return one.groupId === other.groupId && one.groupId !== shared.groupId;
}

function areOfOneBranch(one: Process, other: Process, shared: Process): boolean {
  const line = lineOf(other);
  const common = lineOf(one).find((pid) => line.includes(pid));
  // what has lost its parents is a child of pid 1
  return common !== undefined && common > 1 && !lineOf(shared).includes(common);
}

function lineOf({ pid, ancestors = [] }: Process): readonly number[] {
  return [pid, ...ancestors];
}
