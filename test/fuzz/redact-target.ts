/** Any text through the redactor: what is under a secret's name is gone, JSON stays JSON, and once is enough. */
import { redactor } from "../../src/sinks/redact.ts";
import { assertEqual, type FuzzTarget } from "./target.ts";

const MASK = "[redacted]";

export const redactTarget: FuzzTarget = {
  name: "redact",
  seeds: [
    'GITHUB_TOKEN=abc123 and password: "hunter 2", Authorization: Bearer abc123def456ghi',
    '{"a":[{"api_key":"x","n":1.0}],"text":"{\\"password\\":\\"p\\"}"}',
    "postgres://joe:p@db/x https://example.com/?access_token=1&b=2",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n",
  ].map((text) => Buffer.from(text)),
  check(input) {
    const text = Buffer.from(input).toString();
    redactor.text(text);
    redactor.commandLine(text.split(" "));
    if (text !== "") {
      const secret = redactor.json(JSON.stringify({ password: text, n: 1 }));
      assertEqual(secret, `{"password":"${MASK}","n":1}`, "a password");
    }
    checkJson(JSON.stringify({ message: text, list: [text] }));
    if (isJson(text)) checkJson(text);
  },
};

function checkJson(json: string): void {
  const masked = redactor.json(json);
  if (!isJson(masked)) throw new Error(`no JSON any more: ${Bun.inspect(masked)}`);
  if (!masked.includes(MASK)) assertEqual(masked, json, "JSON without a secret");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
