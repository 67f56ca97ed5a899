/** What there is to say of an option, and how help and docs write it. */
import type { CommandName } from "./commands.ts";

export const GROUPS = [
  "Whom to hear",
  "What to show",
  "Where to write",
  "When to stop",
  "Capture",
  "Serving",
  "General",
] as const;

export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  readonly short?: string;
  /** Name of its value in the help; an option without takes none. */
  readonly value?: string;
  /** May be given more than once. */
  readonly repeat?: true;
  /** The only values, or, with `list`, what a comma-separated list may hold. */
  readonly choices?: readonly string[];
  readonly list?: true;
  readonly completeFiles?: true;
  /** The default as help shows it. */
  readonly fallback?: string;
  readonly group: (typeof GROUPS)[number];
  readonly commands: readonly CommandName[];
  /** One sentence without a full stop. */
  readonly help: string;
  /** More for man page and docs. */
  readonly details?: string;
}

/** As help shows it: "-p, --pid PID...". */
export function optionLabel(option: OptionSpec): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `${short}--${option.name}${valueLabel(option)}`;
}

/** " FILE...", or nothing; the dots say that it may be repeated. */
export function valueLabel(option: OptionSpec): string {
  if (option.value === undefined) return "";
  return ` ${option.value}${option.repeat === true ? "..." : ""}`;
}
