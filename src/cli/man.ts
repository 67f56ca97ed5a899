/** The option table in, the manual page in roff (man macros) out. */

import { COMMANDS, EXAMPLES } from "./commands.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { describeOption } from "./help.ts";
import { GROUPS, type OptionSpec, valueLabel } from "./option-spec.ts";
import { OPTIONS } from "./options.ts";
import { VERSION } from "./version.ts";

export function renderMan(): string {
  return [
    `.TH OVERHEAR 1 "" "overhear ${VERSION}" "User Commands"`,
    ".SH NAME",
    text("overhear - hears every Model Context Protocol message on a Linux host"),
    ".SH SYNOPSIS",
    ...COMMANDS.flatMap(({ usage }) => [`.B overhear`, text(usage), ".br"]).slice(0, -1),
    ".SH DESCRIPTION",
    text(
      "Hears MCP messages that cross pipes and Unix sockets, by eBPF, without a change to any client or server, and says who said what to whom, what answered what, and how long it took. It has to run as root: by sudo or from a systemd unit, never setuid or with file capabilities.",
    ),
    ".SH COMMANDS",
    ...COMMANDS.flatMap(({ usage, summary, details }) => [
      ".TP",
      `.B ${text(`overhear ${usage}`)}`,
      text(details === "" ? sentence(summary) : details),
    ]),
    ".SH OPTIONS",
    text(
      "A long option takes its value as --name=VALUE or --name VALUE, a short one as -nVALUE or -n VALUE; short ones without a value may be joined. An option that may not be repeated and is, an unknown one and a value that cannot be read are errors. Sizes count in powers of 1024 (K, M, G), times have units (ms, s, m, h, d). Dots mark an option that may be given more than once.",
    ),
    ...GROUPS.flatMap((group) => [
      `.SS ${text(group)}`,
      ...OPTIONS.filter((option) => option.group === group).flatMap(optionEntry),
    ]),
    ".SH EXIT STATUS",
    ...EXIT_CODES.flatMap(({ code, meaning }) => [".TP", `.B ${code}`, text(sentence(meaning))]),
    ".PP",
    text(
      "overhear run ends with the code of its command, 128 + the number of the signal when one ended it; --fail-on-loss counts only where that is 0.",
    ),
    ".SH SIGNALS",
    text(
      "SIGINT and SIGTERM end it in order: what was heard is written, then the summary. A second signal ends it at once. SIGHUP opens output files anew, for logrotate.",
    ),
    ".SH EXAMPLES",
    ...EXAMPLES.flatMap(({ line, says }) => [".TP", `.B ${text(line)}`, text(sentence(says))]),
    ".SH SEE ALSO",
    text("docs/ndjson.md for the lines it writes, docs/cli.md for this page on the web."),
    "",
  ].join("\n");
}

function optionEntry(option: OptionSpec): string[] {
  const names = [option.short === undefined ? [] : [`-${option.short}`], `--${option.name}`].flat();
  const value =
    option.value === undefined ? "" : ` \\fI${escapeRoff(valueLabel(option).trim())}\\fR`;
  return [
    ".TP",
    names.map((name) => `\\fB${escapeRoff(name)}\\fR${value}`).join(", "),
    text(
      `${sentence(describeOption(option))}${option.details === undefined ? "" : ` ${option.details}`} ${usableWith(option)}`.trim(),
    ),
  ];
}

/** Which commands take the option, when that is not every one that listens. */
export function usableWith(option: OptionSpec): string {
  const { commands } = option;
  if (commands.length === COMMANDS.length) return "";
  if (commands.includes("listen") && commands.includes("run") && commands.includes("replay")) {
    return "";
  }
  const names = commands.map((name) => (name === "listen" ? "overhear" : `overhear ${name}`));
  return `Only with ${names.join(" and ")}.`;
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

function text(words: string): string {
  // A line that begins with "." or "'" would be a request.
  return escapeRoff(words).replace(/^([.'])/, "\\&$1");
}

function escapeRoff(words: string): string {
  return words
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll('"', "\\(dq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti");
}
