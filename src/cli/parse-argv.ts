/** argv in, the command with its option texts out; strict, and nothing is interpreted yet. */
import { cac } from "cac";
import { COMMANDS, type CommandName } from "./commands.ts";
import { UsageError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { type OptionSpec, optionLabel } from "./option-spec.ts";
import { OPTIONS, optionsOf } from "./options.ts";

/** What was written, checked against the table only. */
export interface ParsedArgv {
  readonly command: CommandName;
  /** Long name → its texts in order; options without a value: one empty text each time. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  readonly args: readonly string[];
  /** What stood behind "--"; undefined when there was none. */
  readonly rest: readonly string[] | undefined;
}

/**
 * cac turns "0012" into 12, takes "-" for an option, gives an option without a value the next word, and lets
 * unknown, repeated or empty ones pass. So argv is spelled out for it first: each option as
 * `--name=:text`, each argument as `:text`; the mark keeps texts texts and goes away again below.
 */
const MARK = ":";

/** Throws UsageError. `argv` is without the program's own name. */
export function parseArgv(argv: readonly string[]): ParsedArgv {
  const { words, rest } = spellOut(argv);
  const parser = cac("overhear");
  for (const { name } of COMMANDS) {
    const command = parser.command(name === "listen" ? "[...args]" : `${name} [...args]`);
    for (const option of optionsOf(name)) command.option(declaration(option), option.help);
  }
  const parsed: { args: readonly string[]; options: Record<string, unknown> } = parser.parse(
    ["", "", ...words],
    { run: false },
  );
  const command = COMMANDS.find(({ name }) => name === parser.matchedCommandName)?.name ?? "listen";
  const options = new Map<string, string[]>();
  for (const option of OPTIONS) {
    const found = textsOf(parsed.options[camelCase(option.name)]);
    if (found.length > 0) options.set(option.name, checkOption(option, found, command));
  }
  return { command, options, args: parsed.args.map(unmark), rest };
}

function declaration(option: OptionSpec): string {
  // Values are never optional for us; the brackets only tell cac that there is one.
  return `--${option.name} [${option.value ?? "set"}]`;
}

function spellOut(argv: readonly string[]): {
  words: readonly string[];
  rest: readonly string[] | undefined;
} {
  const words: string[] = [];
  let sawArgument = false;
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--") return { words, rest: argv.slice(index + 1) };
    if (!isOption(word)) {
      // what follows is another program's: its options must not be taken for ours
      if (sawArgument && words.includes("run")) throw dashesNeeded(argv, index);
      words.push(sawArgument ? MARK + word : firstWord(word));
      sawArgument = true;
      continue;
    }
    index += word.startsWith("--")
      ? spellLong(word, argv[index + 1], words)
      : spellShort(word, argv[index + 1], words);
  }
  return { words, rest: undefined };
}

/** "-" is an argument: standard input or output. */
function isOption(word: string): boolean {
  return word !== "-" && word.startsWith("-");
}

/** A command, or an argument like the others. */
function firstWord(word: string): string {
  return word !== "listen" && COMMANDS.some(({ name }) => name === word) ? word : MARK + word;
}

/** `at`: where in argv the command begins. */
function dashesNeeded(argv: readonly string[], at: number): UsageError {
  const command = argv.slice(at).filter((word) => word !== "--");
  return new UsageError(
    `Cannot run "${argv[at]}": "--" needed before the command`,
    `overhear ${[...argv.slice(0, at), "--", ...command].join(" ")}`,
  );
}

/** "--name", "--name=value", "--name value"; returns how many further words it took. */
function spellLong(word: string, next: string | undefined, words: string[]): 0 | 1 {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const option = OPTIONS.find((candidate) => candidate.name === name);
  if (option === undefined) throw unknownOption(`--${name}`);
  if (option.value === undefined) {
    if (equals >= 0) {
      throw new UsageError(
        `Cannot use "${word}": --${name} takes no value`,
        `write --${name} to switch it on; it is off without`,
      );
    }
    words.push(`--${name}=${MARK}`);
    return 0;
  }
  if (equals >= 0) {
    words.push(`--${name}=${MARK}${word.slice(equals + 1)}`);
    return 0;
  }
  words.push(`--${name}=${MARK}${nextValue(option, `--${name}`, next)}`);
  return 1;
}

/** "-q", "-qb", "-o FILE", "-oFILE", "-bo FILE". */
function spellShort(word: string, next: string | undefined, words: string[]): 0 | 1 {
  const letters = [...word.slice(1)];
  for (const [index, letter] of letters.entries()) {
    const option = OPTIONS.find((candidate) => candidate.short === letter);
    if (option === undefined) throw unknownOption(`-${letter}`, word);
    if (option.value === undefined) {
      words.push(`--${option.name}=${MARK}`);
      continue;
    }
    const attached = letters.slice(index + 1).join("");
    if (attached !== "") {
      words.push(`--${option.name}=${MARK}${attached}`);
      return 0;
    }
    words.push(`--${option.name}=${MARK}${nextValue(option, `-${letter}`, next)}`);
    return 1;
  }
  return 0;
}

function nextValue(option: OptionSpec, written: string, next: string | undefined): string {
  if (next !== undefined && !isOption(next)) return next;
  throw new UsageError(
    `Cannot use "${written}": no value given, ${option.value} needed`,
    next === undefined || next === "--"
      ? `${optionLabel(option).trim()}: ${option.help}`
      : `for a value that starts with "-" write --${option.name}=${next}`,
  );
}

function unknownOption(written: string, word = written): UsageError {
  const bare = written.replace(/^-+/, "").replace(/^no-/, "");
  const near = nearest(
    word.replace(/^-+/, "").replace(/^no-/, ""),
    OPTIONS.map(({ name }) => name),
  );
  const whole = word === written ? "" : ` in "${word}"`;
  let hint = "overhear --help lists all options";
  if (written === "--no-color" || written === "--no-colour") hint = "did you mean --color never?";
  else if (near !== undefined && bare !== "") hint = `did you mean --${near}?`;
  return new UsageError(`Unknown option "${written}"${whole}`, hint);
}

/** As it is typed: listening has no word. */
function called(command: CommandName): string {
  return command === "listen" ? "overhear" : `overhear ${command}`;
}

function checkOption(option: OptionSpec, texts: string[], command: CommandName): string[] {
  if (!option.commands.includes(command)) {
    throw new UsageError(
      `Cannot use --${option.name} with "${called(command)}": it belongs to ${option.commands
        .map((name) => `"${called(name)}"`)
        .join(", ")}`,
      `${called(command)} --help lists what can be used`,
    );
  }
  if (texts.length > 1 && option.repeat !== true) {
    throw new UsageError(
      `Cannot use --${option.name} ${texts.length} times: once is enough`,
      option.value === undefined
        ? "leave one out"
        : `given were ${texts.map((text) => JSON.stringify(text)).join(" and ")}`,
    );
  }
  if (option.value !== undefined && texts.includes("")) {
    throw new UsageError(
      `Cannot use --${option.name} "": empty, ${option.value} needed`,
      `${optionLabel(option).trim()}: ${option.help}`,
    );
  }
  return texts;
}

function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [unmark(value)];
  return Array.isArray(value) ? value.flatMap(textsOf) : [];
}

function unmark(text: string): string {
  return text.startsWith(MARK) ? text.slice(MARK.length) : text;
}

function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
