/** What the server is given by the command that runs it. */

/** Masks secrets; every method gives its argument back unchanged when it finds none. */
export interface Masker {
  /** Valid JSON text stays valid JSON text. */
  json(json: string): string;
  text(text: string): string;
  commandLine(argv: readonly string[]): readonly string[];
}

/** Wall clock, ms since the epoch. */
export type NowMs = () => number;
