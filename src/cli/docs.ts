/** The option table in, docs/cli.md out. */

import { COMMANDS, EXAMPLES } from "./commands.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { describeOption } from "./help.ts";
import { usableWith } from "./man.ts";
import { GROUPS, type OptionSpec, valueLabel } from "./option-spec.ts";
import { OPTIONS } from "./options.ts";

export function renderCliDocs(): string {
  return [
    "<!-- Made from src/cli/options.ts and commands.ts by scripts/generate-docs.ts; change it there. -->",
    "# Command line",
    ...COMMANDS.map(
      ({ usage, summary, details }) =>
        `\`overhear ${usage}\`  \n${details === "" ? sentence(summary) : details}`,
    ),
    "An option takes its value as `--name VALUE`, `--name=VALUE`, `-n VALUE` or `-nVALUE`. Unknown options, values that cannot be read, and options given twice that may not be are errors with a hint. Sizes count in powers of 1,024 (`K`, `M`, `G`); times have units (`ms`, `s`, `m`, `h`, `d`). `...` marks an option that may be given more than once.",
    ...GROUPS.map(
      (group) =>
        `## ${group}\n\n${OPTIONS.filter((option) => option.group === group)
          .map(optionEntry)
          .join("\n")}`,
    ),
    "## Examples",
    ...EXAMPLES.map(({ line, says }) => `${sentence(says)}\n\n\`\`\`sh\n${line}\n\`\`\``),
    "## Exit codes",
    EXIT_CODES.map(({ code, meaning }) => `- \`${code}\`: ${meaning}`).join("\n"),
    "`overhear run -- COMMAND` ends with the code of COMMAND, 128 + the number of the signal when one ended it. `--fail-on-loss` counts only where that code is 0.",
    "Every error is one line that says what, and one that starts with `hint:`, both on standard error; `--debug` adds the stack.",
    "## Signals",
    "`SIGINT` and `SIGTERM` end it in order: what was heard is written, then the summary, exit code 0. A reader of standard output that does not take 64 KiB in 3 s is given up then (exit code 6); one that is only slow is waited for, and a second signal ends that at once, without the rest. `SIGHUP` opens output files anew, for logrotate.",
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}

function optionEntry(option: OptionSpec): string {
  const value = valueLabel(option);
  const names = [
    option.short === undefined ? [] : [`-${option.short}${value}`],
    `--${option.name}${value}`,
  ];
  const label = names
    .flat()
    .map((name) => `\`${name}\``)
    .join(", ");
  const details = option.details === undefined ? "" : ` ${option.details}`;
  const only = usableWith(option);
  return `- ${label}: ${escapeMarkdown(`${describeOption(option)}.${details}${only === "" ? "" : ` ${only}`}`)}`;
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[*_<>[\]]/g, "\\$&");
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
