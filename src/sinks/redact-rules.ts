/**
 * Rules for secrets in plain text that a linter's rules leave out on purpose or mark only in part.
 * Every pattern runs in linear time on hostile text: starts cannot overlap, or the length is bounded.
 */
import { isSecretKey } from "./secret-key.ts";

export const MASK = "[redacted]";

interface Rule {
  readonly pattern: RegExp;
  /** The match and its groups in, what stands in its place out. */
  readonly replace: (match: string, ...groups: string[]) => string;
}

const RULES: readonly Rule[] = [
  // PEM, also cut short, encrypted or with headers.
  {
    pattern:
      /(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)[\s\S]*?(-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
    replace: (_, begin = "", end = "") => `${begin}${MASK}${end}`,
  },
  // Header lines; their values hold spaces.
  {
    pattern:
      /\b((?:proxy-)?authorization|set-cookie|cookie)(["']?[ \t]{0,8}[:=][ \t]{0,8}["']?)([^"'\r\n]+)/gi,
    replace: (_, name = "", between = "") => `${name}${between}${MASK}`,
  },
  // Bearer tokens elsewhere; prose ("bearer authentication") has no digit.
  {
    pattern: /\b(Bearer)([ \t]{1,8})(?=[^\s"']{0,256}\d)[A-Za-z0-9._~+/=-]{12,}/gi,
    replace: (_, scheme = "", space = "") => `${scheme}${space}${MASK}`,
  },
  // Basic credentials are base64 of "user:password"; prose ("basic information") is not.
  {
    pattern: /\b(Basic)([ \t]{1,8})([A-Za-z0-9+/]{6,}={0,2})/gi,
    replace: (match, scheme = "", space = "", value = "") =>
      Buffer.from(value, "base64").includes(":") ? `${scheme}${space}${MASK}` : match,
  },
  // scheme://user:password@host, and scheme://token:x-oauth-basic@host.
  {
    pattern: /(:\/\/)([^\s/?#:@"'<>]{0,256}):([^\s/"'<>]{1,1024})@/g,
    replace: (_, scheme = "", user = "", password = "") =>
      `${scheme}${password === "x-oauth-basic" ? MASK : user}:${MASK}@`,
  },
  // signatures of URLs that let in whoever has them
  { pattern: /([?&](?:sig|signature)=)[^\s&"'<>]+/gi, replace: (_, name = "") => `${name}${MASK}` },
  // JSON Web Tokens: header and payload begin with {" in base64url.
  {
    pattern: /(?<![\w-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
    replace: () => MASK,
  },
  // AWS access key ids.
  {
    pattern: /\b(?:A3T[A-Z0-9]|AKIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ASIA)[A-Z0-9]{16}\b/g,
    replace: () => MASK,
  },
  // sk-… of OpenAI, Anthropic and those who copied the form, whatever its length today.
  { pattern: /(?<![\w-])sk-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}/g, replace: () => MASK },
  // Google API keys.
  { pattern: /(?<![\w-])AIza[A-Za-z0-9_-]{35}(?![\w-])/g, replace: () => MASK },
];

/** What each rule, here and of secretlint (redact-secretlint.ts), needs at least: most texts are short and have none of it. */
const HINT = /[:=]|\bbearer\b|\bbasic\b|-----BEGIN|[\w+/=.-]{20}/i;

export function mayHoldSecret(text: string): boolean {
  return HINT.test(text);
}

/** Text with what the rules find masked; the same string when they find nothing. */
export function applyRules(text: string): string {
  let masked = text;
  for (const { pattern, replace } of RULES) masked = masked.replace(pattern, replace);
  return maskNamed(masked);
}

// name=value and name: value, also quoted, in text, query strings and environment settings. The name is looked for from
// its last word back: a pattern that began with it would be tried at each character of base64. The value is read only of
// a secret's name: of another one it may hold the next name.
const LAST_WORD =
  /(passw(?:or)?ds?|passphrase|passcode|pass|pwd|secrets?|key|token|credentials?|jwt)\\?["']?\s{0,8}(?:=>|:=|[:=])\s{0,8}/gi;
const VALUE = /\\?"[^"\n]+"|'[^'\n]+'|[^\s"'`,;&<>(){}[\]]+/y;

function maskNamed(text: string): string {
  let masked = "";
  let copied = 0;
  LAST_WORD.lastIndex = 0;
  for (let found = LAST_WORD.exec(text); found !== null; found = LAST_WORD.exec(text)) {
    const [, word = ""] = found;
    if (!isSecretKey(`${nameBefore(text, found.index)}${word}`)) continue;
    const from = LAST_WORD.lastIndex;
    VALUE.lastIndex = from;
    const [value = ""] = VALUE.exec(text) ?? [];
    if (value === "" || value === MASK) continue;
    masked += text.slice(copied, from) + maskQuoted(value);
    copied = from + value.length;
    LAST_WORD.lastIndex = copied;
  }
  return copied === 0 ? text : masked + text.slice(copied);
}

const MAX_NAME_CHARS = 64;

/** The first words of a name whose last one stands at `at`. */
function nameBefore(text: string, at: number): string {
  return /[A-Za-z0-9_.-]*$/.exec(text.slice(Math.max(0, at - MAX_NAME_CHARS), at))?.[0] ?? "";
}

/** Keeps the quotes, so that embedded JSON stays JSON. */
function maskQuoted(value: string): string {
  const quote = /^\\?["']/.exec(value)?.[0] ?? "";
  return quote === "" ? MASK : `${quote}${MASK}${quote}`;
}
