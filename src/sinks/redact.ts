/** Text with secrets in, the same text with a mask in their place out. */

/** Masks secrets; every method gives its argument back unchanged when it holds none. */
export interface Redactor {
  /** Valid JSON text stays valid JSON text. */
  json(json: string): string;
  text(text: string): string;
  commandLine(argv: readonly string[]): readonly string[];
}
