/** The option table in, completion scripts for bash, zsh and fish out. */
import { COMMANDS, type CommandName, SHELLS } from "./commands.ts";
import type { OptionSpec } from "./option-spec.ts";
import { OPTIONS, optionsOf } from "./options.ts";

export function renderCompletions(shell: (typeof SHELLS)[number]): string {
  if (shell === "bash") return renderBash();
  return shell === "zsh" ? renderZsh() : renderFish();
}

/** Commands with a name of their own. */
const NAMED = COMMANDS.filter(({ name }) => name !== "listen");

function words(option: OptionSpec): string[] {
  return [...(option.short === undefined ? [] : [`-${option.short}`]), `--${option.name}`];
}

function renderBash(): string {
  const withValue = OPTIONS.filter((option) => option.value !== undefined);
  const valueCases = withValue.map((option) => {
    let reply = ":";
    if (option.choices !== undefined) reply = compgen(`-W "${option.choices.join(" ")}"`);
    else if (option.completeFiles === true) reply = `compopt -o filenames; ${compgen("-f")}`;
    else if (option.name === "pid") {
      reply = compgen("-W \"$(cd /proc && printf '%s ' [0-9]*)\"");
    }
    return `    ${words(option).join("|")}) ${reply}; return ;;`;
  });
  const commandCases = COMMANDS.map(
    ({ name }) =>
      `    ${name === "listen" ? "*" : name}) options="${optionsOf(name).flatMap(words).join(" ")}" ;;`,
  );
  const [listen, ...named] = commandCases;
  return `# bash completion for overhear; overhear completions bash > /etc/bash_completion.d/overhear
_overhear() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="" options="" index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
    ${NAMED.map(({ name }) => name).join("|")}) [ -z "$command" ] && command="\${COMP_WORDS[index]}" ;;
    --)
      if [ "$command" = run ] && declare -F _command_offset >/dev/null; then
        _command_offset $((index + 1))
        return
      fi
      compopt -o default
      return
      ;;
    esac
  done
  case "$before" in
${valueCases.join("\n")}
  esac
  case "$command" in
${[...named, listen].join("\n")}
  esac
  if [[ "$word" == -* ]]; then
    ${compgen('-W "$options"')}
    return
  fi
  case "$command" in
    "") ${compgen(`-W "${NAMED.map(({ name }) => name).join(" ")}"`)} ;;
    completions) ${compgen(`-W "${SHELLS.join(" ")}"`)} ;;
    replay) compopt -o filenames; ${compgen("-f")} ;;
  esac
}
complete -F _overhear overhear
`;
}

function compgen(source: string): string {
  return `mapfile -t COMPREPLY < <(compgen ${source} -- "$word")`;
}

function renderZsh(): string {
  const cases = COMMANDS.map(({ name }) => {
    const specs = optionsOf(name).map((option) => `      ${zshSpec(option)} \\`);
    return `    ${name === "listen" ? "*" : name})\n    _arguments -s -S \\\n${specs.join("\n")}\n      ${zshArguments(name)}\n    ;;`;
  });
  const [listen, ...named] = cases;
  return `#compdef overhear
# zsh completion for overhear; overhear completions zsh > "\${fpath[1]}/_overhear"
_overhear() {
  local command="" each
  for each in "\${(@)words[2,CURRENT-1]}"; do
    case "$each" in
    ${NAMED.map(({ name }) => name).join("|")}) command="$each"; break ;;
    esac
  done
  case "$command" in
${[...named, listen].join("\n")}
  esac
}
_overhear_commands() {
  local -a commands=(
${NAMED.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join("\n")}
  )
  _describe command commands
}
if [ "$funcstack[1]" = "_overhear" ]; then _overhear "$@"; else compdef _overhear overhear; fi
`;
}

function zshArguments(name: CommandName): string {
  if (name === "listen") return "'1:command:_overhear_commands'";
  if (name === "run") return "'*::command:_normal'";
  if (name === "replay") return "'*:file:_files'";
  return name === "completions" ? `'*:shell:(completions ${SHELLS.join(" ")})'` : "'*: :'";
}

function zshSpec(option: OptionSpec): string {
  const text = option.help.replaceAll(/[[\]:\\]/g, "\\$&");
  const many = option.repeat === true ? "*" : "";
  let action = "";
  if (option.value !== undefined) {
    let source = " ";
    if (option.choices !== undefined && option.list === true) {
      source = `_values -s , kind ${option.choices.join(" ")}`;
    } else if (option.choices !== undefined) source = `(${option.choices.join(" ")})`;
    else if (option.completeFiles === true) source = "_files";
    else if (option.name === "pid") source = "_pids";
    action = `:${option.value}:${source}`;
  }
  const valueMark = option.value === undefined ? "" : "=";
  return [
    `${many}--${option.name}${valueMark}[${text}]${action}`,
    ...(option.short === undefined
      ? []
      : [`${many}-${option.short}${option.value === undefined ? "" : "+"}[${text}]${action}`]),
  ]
    .map(quote)
    .join(" ");
}

function renderFish(): string {
  const named = NAMED.map(({ name }) => name).join(" ");
  const none = `not __fish_seen_subcommand_from ${named}`;
  const commandLines = NAMED.map(
    ({ name, summary }) => `complete -c overhear -n ${quote(none)} -a ${name} -d ${quote(summary)}`,
  );
  const optionLines = OPTIONS.map((option) => {
    const others = option.commands.filter((name) => name !== "listen");
    const conditions = [
      ...(option.commands.includes("listen") ? [none] : []),
      ...(others.length > 0 ? [`__fish_seen_subcommand_from ${others.join(" ")}`] : []),
    ];
    return [
      "complete -c overhear",
      `-n ${quote(conditions.join("; or "))}`,
      ...(option.short === undefined ? [] : [`-s ${option.short}`]),
      `-l ${option.name}`,
      ...fishValue(option),
      `-d ${quote(option.help)}`,
    ].join(" ");
  });
  return `# fish completion for overhear; overhear completions fish > ~/.config/fish/completions/overhear.fish
complete -c overhear -f
${commandLines.join("\n")}
complete -c overhear -n '__fish_seen_subcommand_from completions' -a ${quote(SHELLS.join(" "))}
complete -c overhear -n '__fish_seen_subcommand_from replay' -F
complete -c overhear -n '__fish_seen_subcommand_from run' -a '(__fish_complete_subcommand)'
${optionLines.join("\n")}
`;
}

function fishValue(option: OptionSpec): string[] {
  if (option.value === undefined) return [];
  if (option.choices !== undefined) return ["-x", `-a ${quote(option.choices.join(" "))}`];
  if (option.name === "pid") return ["-x", "-a '(__fish_complete_pids)'"];
  return [option.completeFiles === true ? "-r -F" : "-x"];
}

/** A word of a shell in single quotes; bash, zsh and fish read '\\'' alike. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
