/** Provider tokens by secretlint's recommended rules: text in, the same with tokens masked out. */
import { rules } from "@secretlint/secretlint-rule-preset-recommend";
import type { SecretLintSourceCode } from "@secretlint/types";
import { MASK } from "./redact-rules.ts";

/**
 * Left out: what our own rules mask more exactly (a linter may mark a part, and passes over what looks like
 * an example), what needs a file to look at, and the filter that lets the text itself switch rules off.
 */
const LEFT_OUT = new Set([
  "@secretlint/secretlint-rule-aws",
  "@secretlint/secretlint-rule-basicauth",
  "@secretlint/secretlint-rule-database-connection-string",
  "@secretlint/secretlint-rule-filter-comments",
  "@secretlint/secretlint-rule-gcp",
]);

/** Every token that these rules know has so many of these characters in a row; prose seldom has. */
const TOKEN_RUN = /[\w+/=.-]{20}/;

type Range = readonly [start: number, end: number];

/** Found by the scan under way. The rules report while they run, so one list serves all scans. */
const found: Range[] = [];

const scanners = rules
  .filter((rule) => !LEFT_OUT.has(rule.meta.id))
  .map((rule) =>
    rule.create(
      {
        sharedOptions: {},
        createTranslator: () => (messageId) => ({
          message: "",
          messageId: String(messageId),
          data: undefined,
        }),
        report: ({ range }) => found.push(range),
        ignore: () => {},
      },
      {},
    ),
  );

/** The same string when nothing is found. */
export function maskTokens(text: string): string {
  if (!TOKEN_RUN.test(text)) return text;
  found.length = 0;
  const source = asSource(text);
  for (const scanner of scanners) void scanner.file?.(source);
  if (found.length === 0) return text;
  let masked = "";
  let at = 0;
  for (const [start, end] of found.toSorted((a, b) => a[0] - b[0])) {
    if (end <= at) continue;
    // Tokens that overlap become one mask.
    if (start >= at) masked += text.slice(at, start) + MASK;
    at = end;
  }
  return masked + text.slice(at);
}

function asSource(content: string): SecretLintSourceCode {
  const nowhere = { line: 1, column: 0 };
  return {
    content,
    contentType: "text",
    ext: "",
    filePath: undefined,
    physicalFilePath: undefined,
    hasBOM: false,
    getFilePath: () => undefined,
    getPhysicalFilePath: () => undefined,
    locationToRange: () => [0, 0],
    rangeToLocation: () => ({ start: nowhere, end: nowhere }),
    positionToIndex: () => 0,
    indexToPosition: () => nowhere,
  };
}
