import { afterEach, expect, test } from "bun:test";
import type { Kernel } from "../../../src/capture/kernel.ts";
import { CommandError } from "../../../src/cli/errors.ts";
import { checkCommand, startChild } from "../../../src/live/child.ts";

/** What a kernel is told to follow, in order. */
function fakeKernel(): { kernel: Kernel; told: unknown[] } {
  const told: unknown[] = [];
  const kernel: Kernel = Object.create(null, {
    follow: { value: (pid: number) => told.push(["follow", pid]) },
    unfollow: { value: (pid: number) => told.push(["unfollow", pid]) },
  });
  return { kernel, told };
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

const sudo = [process.env["SUDO_UID"], process.env["SUDO_GID"]] as const;

function asUser(uid: string | undefined, gid: string | undefined): void {
  for (const [name, value] of [
    ["SUDO_UID", uid],
    ["SUDO_GID", gid],
  ] as const) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

afterEach(() => asUser(...sudo));

test.each([
  ["true", 0],
  ["exit 1", 1],
  ["exit 23", 23],
  ["exit 255", 255],
  ["kill -TERM $$", 143],
  ["kill -KILL $$", 137],
  ["kill -INT $$", 130],
  ["kill -SEGV $$", 139],
  ["kill -35 $$", 163],
])("startChild gives the exit code of `sh -c %p`: %d", async (script, code) => {
  asUser(undefined, undefined);
  expect(await startChild(["sh", "-c", script], fakeKernel().kernel).exited).toBe(code);
});

test("startChild follows this process just while the command is started", async () => {
  asUser(undefined, undefined);
  const { kernel, told } = fakeKernel();
  await startChild(["true"], kernel).exited;
  expect(told).toEqual([
    ["follow", process.pid],
    ["unfollow", process.pid],
  ]);
});

test("startChild passes signals on", async () => {
  asUser(undefined, undefined);
  const child = startChild(["sleep", "30"], fakeKernel().kernel);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
});

test.each([
  ["no-such-command-4711", 'Cannot run "no-such-command-4711": no such command in PATH', true],
  ["/no/such/command", 'Cannot run "/no/such/command": ', true],
  ["/etc/passwd", 'Cannot run "/etc/passwd": ', false],
] as const)("checkCommand says why %s cannot be run", (command, text, isMissing) => {
  const error = thrownBy(() => checkCommand([command]));
  expect(error).toBeInstanceOf(CommandError);
  expect(String(error)).toContain(text);
  expect(error).toHaveProperty("isMissing", isMissing);
});

test("checkCommand leaves to the caller of sudo what root may not execute", () => {
  asUser("65534", "65534");
  checkCommand(["/etc/passwd"]);
  expect(thrownBy(() => checkCommand(["/no/such/command"]))).toBeInstanceOf(CommandError);
});

test("checkCommand lets pass what can be run", () => {
  for (const command of ["sh", "/bin/sh"]) checkCommand([command]);
});

test("startChild says that a path is no command, and follows nothing any more", () => {
  asUser(undefined, undefined);
  const { kernel, told } = fakeKernel();
  const error = thrownBy(() => startChild(["/no/such/command"], kernel));
  expect(error).toBeInstanceOf(CommandError);
  expect(String(error)).toContain('Cannot run "/no/such/command": ');
  expect(told.at(-1)).toEqual(["unfollow", process.pid]);
});

const isRoot = process.geteuid?.() === 0;

test.skipIf(!isRoot)("root: startChild starts the command as the caller of sudo", async () => {
  asUser("65534", "65534");
  const script = '[ "$(id -u) $(id -g)" = "65534 65534" ] && exit 7';
  expect(await startChild(["sh", "-c", script], fakeKernel().kernel).exited).toBe(7);
});

test.skipIf(!isRoot)("root: startChild stays root when root called sudo", async () => {
  asUser("0", "0");
  const { kernel } = fakeKernel();
  expect(await startChild(["sh", "-c", "exit $(id -u)"], kernel).exited).toBe(0);
});
