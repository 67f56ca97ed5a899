/** A name by which ten `node` processes can be told apart: from the command line, else the comm. */
import type { Party, Process } from "./capture/types.ts";
import { isProcess } from "./party.ts";
import { capText } from "./text.ts";

/** What a session says about one of its two parties. */
interface Introduced {
  readonly name: string;
}

/** What an MCP party is called: by its own word, else by what it is. */
export function serverName(session: {
  readonly server: Party | undefined;
  readonly serverInfo: Introduced | undefined;
}): string {
  return session.serverInfo?.name ?? partyName(session.server);
}

export function clientName(session: {
  readonly client: Party | undefined;
  readonly clientInfo: Introduced | undefined;
}): string {
  return session.clientInfo?.name ?? partyName(session.client);
}

/** A process by its command line, a host by its address; "unknown" where no event has named anybody. */
export function partyName(party: Party | undefined): string {
  if (party === undefined) return "unknown";
  return isProcess(party) ? processName(party) : party.address;
}

/**
 * `node /x/node_modules/@a/b/dist/index.js` → "@a/b", `python3 -m mcp_server_git` → "mcp_server_git",
 * `npx -y pkg@1.2` → "pkg", `docker run -i image` → "image"; else the process's comm.
 */
export function processName(process: Process): string {
  const line = wordsOf(process.commandLine);
  const program = line[0];
  if (program === undefined) return process.comm;
  const base = baseName(program);
  const named = nameOf(base, line) ?? packageOf(program);
  return capText(named ?? wholeComm(process.comm, base));
}

/** npm writes its whole command into the first argument: "npm exec @scope/pkg". */
function wordsOf(commandLine: readonly string[]): readonly string[] {
  const first = commandLine[0] ?? "";
  return /^(npm|npx|pnpm|yarn) /.test(first) ? first.split(" ") : commandLine;
}

/** The kernel cuts a comm after 15 bytes; the program's name may still be whole. */
function wholeComm(comm: string, base: string): string {
  return comm.length === 15 && base.startsWith(comm) ? base : comm;
}

/** Options of the interpreters and launchers that take the next argument as their value. */
const NODE_VALUES = new Set(["-r", "--require", "--import", "--loader", "--conditions", "-C"]);
const BUN_VALUES = new Set(["-r", "--preload", "--cwd", "--env-file", "--config", "-c"]);
const PYTHON_VALUES = new Set(["-W", "-X", "--check-hash-based-pycs"]);
const DENO_VALUES = new Set(["-c", "--config", "--import-map", "--cert"]);
const NPX_VALUES = new Set(["-c", "--call", "-w", "--workspace"]);
const UVX_VALUES = new Set(["--with", "-p", "--python", "--index-url", "--directory", "--index"]);
const DOCKER_VALUES = new Set(
  (
    "-e --env --env-file -v --volume --mount --name --network --net -p --publish -u --user -w " +
    "--workdir -l --label --entrypoint -h --hostname --add-host --cpus -m --memory --platform " +
    "--pull --restart --cap-add --cap-drop --device --gpus --ip --tmpfs --ulimit --log-driver " +
    "--log-opt --security-opt --shm-size --dns --runtime --cidfile --userns --ipc --pid"
  ).split(" "),
);

function nameOf(program: string, line: readonly string[]): string | undefined {
  switch (program.replace(/[\d.]+$/, "")) {
    case "node":
    case "nodejs":
    case "tsx":
    case "ts-node":
      return scriptName(firstWord(line, 1, NODE_VALUES));
    case "bun":
      return bunName(line);
    case "deno":
      return scriptName(firstWord(line, line[1] === "run" ? 2 : 1, DENO_VALUES));
    case "python":
    case "pypy":
      return pythonName(line);
    case "npx":
    case "bunx":
    case "pnpx":
      return launched(line, 1, NPX_VALUES, ["-p", "--package"]);
    case "uvx":
    case "pipx":
      return launched(line, line[1] === "run" ? 2 : 1, UVX_VALUES, ["--from", "--spec"]);
    case "uv":
      return uvName(line);
    case "npm":
    case "pnpm":
    case "yarn":
      return npmName(line);
    case "docker":
    case "podman":
      return dockerImage(line);
    case "sh":
    case "bash":
    case "dash":
    case "zsh":
      return line[1] === undefined || line[1].startsWith("-") ? undefined : scriptName(line[1]);
    default:
      return undefined;
  }
}

function bunName(line: readonly string[]): string | undefined {
  if (line[1] === "x") return launched(line, 2, NPX_VALUES, ["-p", "--package"]);
  return scriptName(firstWord(line, line[1] === "run" ? 2 : 1, BUN_VALUES));
}

function pythonName(line: readonly string[]): string | undefined {
  for (let index = 1; index < line.length; index++) {
    const word = line[index] ?? "";
    if (word === "-m") return line[index + 1];
    if (word === "-c" || word === "-") return undefined;
    if (PYTHON_VALUES.has(word)) index++;
    else if (!word.startsWith("-")) return scriptName(word);
  }
  return undefined;
}

function uvName(line: readonly string[]): string | undefined {
  if (line[1] === "tool" && line[2] === "run") {
    return launched(line, 3, UVX_VALUES, ["--from"]);
  }
  if (line[1] !== "run" && line[1] !== "x") return undefined;
  const word = firstWord(line, 2, UVX_VALUES);
  const at = word === undefined ? -1 : line.indexOf(word, 2);
  // `uv run python -m x` names what python runs
  return word !== undefined && /^python[\d.]*$/.test(word)
    ? pythonName(line.slice(at))
    : scriptName(word);
}

function npmName(line: readonly string[]): string | undefined {
  const command = line[1];
  if (command === "exec" || command === "dlx" || command === "x") {
    return launched(line, 2, NPX_VALUES, ["-p", "--package"]);
  }
  return undefined;
}

function dockerImage(line: readonly string[]): string | undefined {
  const run = line.indexOf("run");
  return run < 0 ? undefined : firstWord(line, run + 1, DOCKER_VALUES);
}

/** The package that a launcher was given: by the option that names it, else as its first word. */
function launched(
  line: readonly string[],
  start: number,
  values: ReadonlySet<string>,
  packageOptions: readonly string[],
): string | undefined {
  for (let index = start; index < line.length; index++) {
    const word = line[index] ?? "";
    if (packageOptions.includes(word)) return withoutVersion(line[index + 1]);
    const option = packageOptions.find((name) => word.startsWith(`${name}=`));
    if (option !== undefined) return withoutVersion(word.slice(option.length + 1));
    if (values.has(word)) index++;
    else if (!word.startsWith("-")) return withoutVersion(word);
  }
  return undefined;
}

/** First argument that is neither an option nor an option's value. */
function firstWord(
  line: readonly string[],
  start: number,
  values: ReadonlySet<string>,
): string | undefined {
  for (let index = start; index < line.length; index++) {
    const word = line[index] ?? "";
    if (word === "-e" || word === "--eval" || word === "-p" || word === "--print") {
      if (!values.has(word)) return undefined;
    }
    if (values.has(word)) index++;
    else if (!word.startsWith("-")) return word;
  }
  return undefined;
}

function scriptName(path: string | undefined): string | undefined {
  if (path === undefined || path === "") return undefined;
  return packageOf(path) ?? baseName(path);
}

/** The npm package that a path lies in. */
function packageOf(path: string): string | undefined {
  const at = path.lastIndexOf("/node_modules/");
  const start = at >= 0 ? at + 14 : path.startsWith("node_modules/") ? 13 : -1;
  if (start < 0) return undefined;
  const [scope, name] = path.slice(start).split("/", 2);
  // node_modules/.bin holds commands, each named after what it runs
  if (scope === ".bin") return name;
  return scope?.startsWith("@") && name !== undefined ? `${scope}/${name}` : scope;
}

function baseName(path: string): string {
  const end = path.endsWith("/") ? path.length - 1 : path.length;
  return path.slice(path.lastIndexOf("/", end - 1) + 1, end);
}

/** `pkg@1.2`, `@scope/pkg@latest`, `pkg==1.2` without their version. */
function withoutVersion(spec: string | undefined): string | undefined {
  if (spec === undefined || spec === "") return undefined;
  const equals = spec.indexOf("==");
  const at = spec.indexOf("@", 1);
  if (equals > 0) return spec.slice(0, equals);
  return at > 0 ? spec.slice(0, at) : spec;
}
