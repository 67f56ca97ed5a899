/** The option table in, the text of --help out, 80 columns wide. */

import { COMMANDS, type CommandSpec, commandSpec, EXAMPLES } from "./commands.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { GROUPS, type OptionSpec, optionLabel } from "./option-spec.ts";
import { optionsOf } from "./options.ts";
import { VERSION } from "./version.ts";

const WIDTH = 80;
const COLUMN = 28;

/** Help on one command; on the default one that is help on the whole tool. */
export function renderHelp(commandName: string): string {
  const command = commandSpec(commandName) ?? commandSpec("listen");
  if (command === undefined || command.name === "listen") return renderToolHelp();
  const parts = [
    `Usage: overhear ${command.usage}\n`,
    paragraph(command.details === "" ? sentence(command.summary) : command.details),
    ...optionParts(command),
    "overhear --help shows the whole tool, overhear man its manual.\n",
  ];
  return parts.join("\n");
}

function renderToolHelp(): string {
  const listen = COMMANDS.filter(({ name }) => name === "listen");
  return [
    paragraph(
      `overhear ${VERSION}: hears every Model Context Protocol (MCP) message on this host, by eBPF, without a change to any client or server: who said what to whom, what answered what, how long it took.`,
    ),
    `Usage:\n${COMMANDS.map(({ usage, summary }) => entry(`overhear ${usage}`, summary)).join("")}`,
    ...listen.flatMap(optionParts),
    "An option whose value ends in ... may be given more than once.\n",
    `Examples:\n${EXAMPLES.map(({ line, says }) => `  ${line}\n      ${says}\n`).join("")}`,
    `Exit codes:\n${EXIT_CODES.map(({ code, meaning }) => entry(String(code), meaning, 5)).join("")}` +
      entry("", "overhear run ends with the code of its command", 5),
    "overhear COMMAND --help says more on a command, overhear man everything.\n",
  ].join("\n");
}

function optionParts(command: CommandSpec): string[] {
  const options = optionsOf(command.name);
  return GROUPS.flatMap((group) => {
    const members = options.filter((option) => option.group === group);
    return members.length === 0 ? [] : [`${group}:\n${members.map(optionEntry).join("")}`];
  });
}

function optionEntry(option: OptionSpec): string {
  return entry(optionLabel(option), describeOption(option));
}

/** The help sentence with choices and default. */
export function describeOption(option: OptionSpec): string {
  const notes = [];
  if (option.choices !== undefined && option.choices.length > 1) {
    notes.push(option.choices.join(", "));
  }
  if (option.fallback !== undefined) notes.push(`default ${option.fallback}`);
  return notes.length === 0 ? option.help : `${option.help} (${notes.join("; ")})`;
}

function entry(label: string, text: string, column = COLUMN): string {
  const lines = wrap(text, WIDTH - column);
  const head = `  ${label}`;
  const fits = head.length < column - 1;
  const [first = "", ...more] = lines;
  const indent = " ".repeat(column);
  return [
    ...(fits ? [head.padEnd(column) + first] : [head, indent + first]),
    ...more.map((line) => indent + line),
    "",
  ].join("\n");
}

function paragraph(text: string): string {
  return `${wrap(text, WIDTH).join("\n")}\n`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Words of `text` in lines of at most `width` columns; a longer word gets a line of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}
