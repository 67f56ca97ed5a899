/** Nothing in, files that programs with TLS are mostly made of out: listened to before they first run. */
import { type BigIntStats, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { MappedFile } from "./mapped-files.ts";

const LIBRARY = /^lib(ssl|gnutls)\.so\.[\d.]+$/;
const PROGRAM = /^(node|bun|deno|python3(\.\d+)?|claude)$/;
/** A program in a package of npm for one machine. */
const NATIVE = /^[\w-]+$/;

/** `*`: any name. */
type Place = readonly [folder: string, name: RegExp];

const SYSTEM: readonly Place[] = [
  ...["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"].map(
    (folder): Place => [folder, LIBRARY],
  ),
  ["/usr/local/lib", LIBRARY],
  ["/usr/local/bin", PROGRAM],
  ["/usr/bin", PROGRAM],
  ["/opt/*/bin", PROGRAM],
  ["/opt/conda/lib", LIBRARY],
  ["/opt/conda/envs/*/lib", LIBRARY],
  ...nativePackages("/usr/lib/node_modules"),
  ...nativePackages("/usr/local/lib/node_modules"),
];
/** In each user's home. */
const HOME: readonly Place[] = [
  ...[".bun/bin", ".deno/bin", ".local/bin"].map((folder): Place => [folder, PROGRAM]),
  [".local/share/claude/versions", /^\d/],
  // nvm, fnm, volta, mise, asdf; uv, pyenv, conda
  [".nvm/versions/node/*/bin", PROGRAM],
  [".local/share/fnm/node-versions/*/installation/bin", PROGRAM],
  [".volta/tools/image/node/*/bin", PROGRAM],
  [".local/share/mise/installs/*/*/bin", PROGRAM],
  [".asdf/installs/*/*/bin", PROGRAM],
  [".local/share/uv/python/*/bin", PROGRAM],
  [".local/share/uv/python/*/lib", LIBRARY],
  [".pyenv/versions/*/bin", PROGRAM],
  ...["miniconda3", "anaconda3", "miniforge3"].flatMap((conda): Place[] => [
    [`${conda}/lib`, LIBRARY],
    [`${conda}/envs/*/lib`, LIBRARY],
  ]),
  ...nativePackages(".nvm/versions/node/*/lib/node_modules"),
  ...nativePackages(".npm-global/lib/node_modules"),
];
/** Names looked at in one folder: what is expected there is less. */
const MAX_NAMES = 4096;

/** Beside a package, or in it: "@scope/name-linux-x64/program". */
function nativePackages(folder: string): Place[] {
  return [folder, `${folder}/@*/*/node_modules`].flatMap((at): Place[] => [
    [`${at}/@*/*-linux-*`, NATIVE],
    [`${at}/@*/*-linux-*/bin`, NATIVE],
  ]);
}

/** `homes`: of the users of this host. */
export function knownFiles(homes = homesOfUsers()): MappedFile[] {
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((each) => each.startsWith("/"));
  const places: Place[] = [
    ...SYSTEM,
    ...path.map((folder): Place => [folder, PROGRAM]),
    ...homes.flatMap((home) => HOME.map(([at, name]): Place => [join(home, at), name])),
  ];
  const files = places.flatMap(([folder, name]) =>
    foldersLike(folder).flatMap((each) => filesOf(each, name)),
  );
  return [...new Map(files.map((file) => [file.key, file])).values()];
}

function homesOfUsers(): readonly string[] {
  return ["/root", ...list("/home").map((each) => join("/home", each))];
}

/** The folders that a name with `*` stands for. */
function foldersLike(pattern: string): string[] {
  const [first = "", ...rest] = pattern.split("/");
  return rest.reduce(
    (folders, part) =>
      part.includes("*")
        ? folders.flatMap((folder) => namesLike(folder, part))
        : folders.map((folder) => `${folder}/${part}`),
    [first],
  );
}

function namesLike(folder: string, part: string): string[] {
  const words = part.split("*").map((word) => word.replaceAll(/[^\w-]/g, "\\$&"));
  const name = new RegExp(`^${words.join(".*")}$`);
  return list(folder)
    .filter((each) => name.test(each))
    .map((each) => `${folder}/${each}`);
}

/** What a command runs: the program itself, or the one that interprets it. Source: execve(2). */
export function filesOfCommand(command: string): MappedFile[] {
  const path = command.includes("/") ? command : Bun.which(command);
  const file = path === null ? undefined : fileAt(path);
  if (file === undefined) return [];
  const [, interpreter, argument] = /^#! *(\S+)(?: +(\S+))?/.exec(readStart(file.path)) ?? [];
  if (interpreter === undefined) return [file];
  const name = interpreter.endsWith("/env") && argument !== undefined ? argument : interpreter;
  const found = name.includes("/") ? name : Bun.which(name);
  const program = found === null ? undefined : fileAt(found);
  return program === undefined ? [] : [program];
}

function readStart(path: string): string {
  try {
    // most are small; a program is not read as text
    return statSync(path).size > 1 << 20 ? "" : readFileSync(path, "latin1").slice(0, 256);
  } catch {
    return "";
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).slice(0, MAX_NAMES);
  } catch {
    return [];
  }
}

function filesOf(folder: string, name: RegExp): MappedFile[] {
  return list(folder)
    .filter((each) => name.test(each))
    .flatMap((each) => fileAt(join(folder, each)) ?? []);
}

function fileAt(path: string): MappedFile | undefined {
  try {
    const name = realpathSync(path);
    const stats = statSync(name, { bigint: true });
    if (!stats.isFile()) return undefined;
    return { key: keyOf(stats), path: name, name, pid: undefined, inode: stats.ino };
  } catch {
    return undefined;
  }
}

/** As /proc/PID/maps has it. */
function keyOf({ dev, ino }: BigIntStats): string {
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  const hex = (number: bigint) => number.toString(16).padStart(2, "0");
  return `${hex(major)}:${hex(minor)}:${ino}`;
}
