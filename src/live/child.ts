/** `overhear run -- CMD…`: the command, started as the user who called sudo, followed from its first instruction. */
import { accessSync, constants, readFileSync } from "node:fs";
import { constants as osConstants } from "node:os";
import type { Kernel } from "../capture/kernel.ts";
import { CommandError } from "../cli/errors.ts";
import { errorCode, errorText } from "../sinks/errors.ts";

export interface Child {
  /** The command's exit code; 128 + signal when one ended it. */
  readonly exited: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

/** Before anything is opened or attached. @throws CommandError */
export function checkCommand([command = ""]: readonly string[]): void {
  if (command.includes("/")) checkExecutable(command);
  else if (!Bun.which(command)) {
    throw new CommandError(
      `Cannot run "${command}": no such command in PATH`,
      "sudo resets PATH: give the command with its path, or use sudo --preserve-env=PATH",
      true,
    );
  }
}

function checkExecutable(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    // what root may not look into (FUSE, NFS) the caller of sudo may be able to run
    if (findCaller() && errorCode(cause) === "EACCES") return;
    throw cannotRun(path, cause);
  }
}

function cannotRun(command: string, cause: unknown): CommandError {
  return new CommandError(
    `Cannot run "${command}": ${errorText(cause)}`,
    "the words after -- are a command and its arguments",
    errorCode(cause) === "ENOENT",
    { cause },
  );
}

/** @throws CommandError */
export function startChild(argv: readonly string[], kernel: Kernel): Child {
  const command = argv[0] ?? "";
  // the kernel follows children of followed processes: be one for the moment of the fork
  kernel.follow(process.pid);
  try {
    const caller = findCaller();
    const child = Bun.spawn([...dropTo(caller), ...argv], {
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
      env: environmentOf(caller),
    });
    return { exited: exitCode(child), kill: (signal) => child.kill(signal) };
  } catch (cause) {
    throw cannotRun(command, cause);
  } finally {
    kernel.unfollow(process.pid);
  }
}

async function exitCode(child: Bun.Subprocess): Promise<number> {
  await child.exited;
  const signal = child.signalCode;
  if (signal !== null) {
    return 128 + (typeof signal === "number" ? signal : (osConstants.signals[signal] ?? 0));
  }
  return child.exitCode ?? 1;
}

interface Caller {
  readonly uid: string;
  readonly gid: string;
}

/** Who called sudo; undefined: run it as we are. */
function findCaller(): Caller | undefined {
  const uid = process.env["SUDO_UID"] ?? "";
  const gid = process.env["SUDO_GID"] ?? "";
  return /^\d+$/.test(uid) && /^\d+$/.test(gid) && uid !== "0" ? { uid, gid } : undefined;
}

/** setpriv (util-linux) drops to the caller and execs the command in the same process. */
function dropTo(caller: Caller | undefined): string[] {
  if (!caller) return [];
  return ["setpriv", `--reuid=${caller.uid}`, `--regid=${caller.gid}`, "--init-groups", "--"];
}

/** sudo has set these to root's: a caller's program must not write into root's home. */
function environmentOf(caller: Caller | undefined): NodeJS.ProcessEnv {
  if (!caller) return process.env;
  const accounts = readFileSync("/etc/passwd", "utf8").split("\n");
  const account = accounts.map((line) => line.split(":")).find((each) => each[2] === caller.uid);
  const name = process.env["SUDO_USER"] ?? account?.[0] ?? "";
  return { ...process.env, HOME: account?.[5] ?? "/", USER: name, LOGNAME: name };
}
