import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { redactor } from "../../../src/sinks/redact.ts";

/** Assembled here, so that no scanner takes this file for a leak. */
const of = (...parts: string[]) => parts.join("");
const AWS_KEY_ID = of("AKIA", "Z7QX2M5T9RLWB3KD");
const GITHUB = of("ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
const GITHUB_FINE = of("github_pat_", "1A2b3C4d5E".repeat(8), "xy");
const SLACK = of("xoxb-", "123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx");
const SLACK_HOOK = of("https://hooks.slack.com/", "services/T0001/B0001/abcdef0123456789");
const OPENAI = of("sk-", "proj-abcDEF123ghiJKL456mnoPQR789");
const ANTHROPIC = of("sk-", "ant-api03-", "aB3_".repeat(23), "AA");
const GITLAB = of("glpat-", "aB3dE6gH9jK2mN5pQ8sT");
const NPM = of("npm_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
const STRIPE = of("sk_live_", "51Habcdefghijklmnopqrstuvwx");
const GOOGLE = of("AIza", "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q");
const JWT = of(
  "eyJhbGciOiJIUzI1NiJ9",
  ".eyJzdWIiOiIxMjM0NTY3ODkwIn0",
  ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
);
const PEM = `${of("-----BEGIN RSA ", "PRIVATE KEY-----")}\nMIIEowIBAAKCAQEA7\nbase64==\n${of("-----END RSA ", "PRIVATE KEY-----")}`;

describe("redactor.json", () => {
  test.each(["pwd", "JWT", "jwt_", "p_wd", "xpwd", "pass", "Db_Pass", "passwords", "x2Pass"])(
    "redactor.json knows the short key %j",
    (key) => {
      expect(redactor.json(JSON.stringify({ a: "b", [key]: "c", d: [1] }))).toBe(
        JSON.stringify({ a: "b", [key]: "[redacted]", d: [1] }),
      );
    },
  );
});

describe("redactor.text", () => {
  test.each([
    ["an AWS access key id", `id ${AWS_KEY_ID}.`, "id [redacted]."],
    ["a GitHub token", `git clone with ${GITHUB}`, "git clone with [redacted]"],
    ["a GitHub token behind a line end", `token\n${GITHUB}\n`, "token\n[redacted]\n"],
    ["a fine-grained GitHub token", `(${GITHUB_FINE})`, "([redacted])"],
    ["a Slack token", `use ${SLACK} here`, "use [redacted] here"],
    ["a Slack webhook", `post to ${SLACK_HOOK}`, "post to [redacted]"],
    ["an OpenAI key", `key is ${OPENAI}`, "key is [redacted]"],
    ["an Anthropic key", `${ANTHROPIC} works`, "[redacted] works"],
    ["a GitLab token", GITLAB, "[redacted]"],
    ["an npm token", NPM, "[redacted]"],
    ["a Stripe key", STRIPE, "[redacted]"],
    ["a Google API key", `?x=${GOOGLE}&y`, "?x=[redacted]&y"],
    ["a JSON Web Token", `got ${JWT}`, "got [redacted]"],
    ["two tokens", `${GITLAB} and ${GITHUB}`, "[redacted] and [redacted]"],
    [
      "a private key",
      `a\n${PEM}\nb`,
      "a\n-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----\nb",
    ],
    ["a private key cut short", PEM.slice(0, 50), "-----BEGIN RSA PRIVATE KEY-----[redacted]"],
    ["a bearer token", "Bearer abc123def456ghi", "Bearer [redacted]"],
    [
      "an authorization header",
      "Authorization: Basic YTpi\nHost: x",
      "Authorization: [redacted]\nHost: x",
    ],
    ["a long cookie header", `Cookie: ${"a=b; ".repeat(3000)}\nX: y`, "Cookie: [redacted]\nX: y"],
    ["a long value", `API_SECRET=${"x".repeat(9000)} z`, "API_SECRET=[redacted] z"],
    ["a long quoted value", `token="${"x ".repeat(9000)}" z`, 'token="[redacted]" z'],
    ["a pass of its own word", "DB_PASS=hunter2 pass: x1", "DB_PASS=[redacted] pass: [redacted]"],
    ["no bypass and no compass", "bypass=1 compass: north", "bypass=1 compass: north"],
    [
      "what stands behind those",
      "bypass: token=abc123 key: pwd=x",
      "bypass: token=[redacted] key: pwd=[redacted]",
    ],
    [
      "several secrets",
      "secrets=abc Pass: x passwords: y",
      "secrets=[redacted] Pass: [redacted] passwords: [redacted]",
    ],
    [
      "a signed URL",
      "https://x.example/b?sv=1&sig=aB%2Bc&se=2",
      "https://x.example/b?sv=1&sig=[redacted]&se=2",
    ],
    [
      "an Azure connection string",
      "AccountName=a;AccountKey=abc/def==;x",
      "AccountName=a;AccountKey=[redacted];x",
    ],
    ["a cookie header", "Set-Cookie: sid=1; Path=/\r\nX: y", "Set-Cookie: [redacted]\r\nX: y"],
    ["basic credentials", "with Basic dXNlcjpodW50ZXIy set", "with Basic [redacted] set"],
    [
      "a password in a URL",
      "postgres://joe:p@ss/w@db:5432/x",
      "postgres://joe:[redacted]@ss/w@db:5432/x",
    ],
    [
      "a token in a URL",
      "https://abc:x-oauth-basic@github.com/",
      "https://[redacted]:[redacted]@github.com/",
    ],
    [
      "an environment setting",
      "export GITHUB_TOKEN=abc PATH=/bin",
      "export GITHUB_TOKEN=[redacted] PATH=/bin",
    ],
    ["an AWS secret", "aws_secret_access_key = wJalrXUt/x+y", "aws_secret_access_key = [redacted]"],
    ["a setting in quotes", "db_password: 'two words', x: 1", "db_password: '[redacted]', x: 1"],
    [
      "a field of JSON in prose",
      'sent {"apiKey": "abc", "n": 1} to',
      'sent {"apiKey": "[redacted]", "n": 1} to',
    ],
    [
      "a query parameter",
      "GET /x?a=1&access_token=abc&b=2",
      "GET /x?a=1&access_token=[redacted]&b=2",
    ],
  ])("redactor.text masks %s", (_, text, masked) => {
    expect(redactor.text(text)).toBe(masked);
  });

  test.each([
    ["an AWS id that is too short", AWS_KEY_ID.slice(0, -1)],
    ["an AWS id inside a word", `X${AWS_KEY_ID}`],
    ["a GitHub prefix", "ghp_short and github_pat_"],
    ["a Slack prefix", "xoxb- tokens begin so"],
    ["names that begin with sk-", "sk-learn, sk-SK and sk-only-letters-in-this-long-name"],
    ["a version that looks like segments", "eyJ.short.x"],
    ["a public key", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"],
    ["prose about bearer tokens", "Bearer authentication is basic information"],
    ["prose about basic things", "Basic knowledge of Basic YWJjZGVm"],
    ["a URL without a password", "https://joe@example.com:8080/a:b?c=d"],
    ["a ratio", "10:20 at 12:30"],
    ["MCP's progress token", "progressToken: 5, progress_token=6, nextPageToken=7"],
    ["limits", "max_tokens=4096 tokens: 12 tokenizer=bpe"],
    ["keys of other kinds", "key=a, keyboard: us, primary_key=id, monkey = 3"],
    ["plain text", "The quick brown fox jumps over the lazy dog"],
    ["a path", "/usr/lib/node_modules/@modelcontextprotocol/server-everything/dist/index.js"],
    ["a UUID", "123e4567-e89b-12d3-a456-426614174000"],
  ])("redactor.text leaves %s alone", (_, text) => {
    expect(redactor.text(text)).toBe(text);
  });

  test.each([
    ["BEGIN lines", of("-----BEGIN ", "PRIVATE KEY-----\n").repeat(20_000)],
    ["schemes", "http://a:".repeat(50_000)],
    ["letters", "a".repeat(500_000)],
    ["JWT heads", "eyJaaaaaaaaaa.".repeat(40_000)],
    ["key words", "token".repeat(100_000)],
    ["open quotes", 'password="a '.repeat(40_000)],
    ["headers", "cookie: ".repeat(60_000)],
  ])("redactor.text takes less than a second for half a megabyte of %s", (_, text) => {
    // CPU time: other programs on the machine are none of its business
    const start = process.cpuUsage();
    redactor.text(text);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(1000);
  });
});

describe("redactor.json", () => {
  test.each([
    ["a string under a secret's name", '{"password":"hunter2"}', '{"password":"[redacted]"}'],
    ["a number under a secret's name", '{"pass_code":1234}', '{"pass_code":"[redacted]"}'],
    [
      "a list under a secret's name",
      '{"apiKeys":1,"api-key":["a",["b",2]],"x":["c",3]}',
      '{"apiKeys":1,"api-key":["[redacted]",["[redacted]","[redacted]"]],"x":["c",3]}',
    ],
    [
      "a header",
      '{"headers":{"X-API-Key":"abc","Accept":"*"}}',
      '{"headers":{"X-API-Key":"[redacted]","Accept":"*"}}',
    ],
    [
      "a secret in an escaped string",
      `{"text":"line\\n${GITHUB}\\n"}`,
      '{"text":"line\\n[redacted]\\n"}',
    ],
    [
      "JSON in a string",
      '{"text":"{\\"password\\":\\"hunter2\\",\\"n\\":1}"}',
      '{"text":"{\\"password\\":\\"[redacted]\\",\\"n\\":1}"}',
    ],
    [
      "JSON in a string in a string",
      '["[\\"{\\\\\\"secret\\\\\\":\\\\\\"x\\\\\\"}\\"]"]',
      '["[\\"{\\\\\\"secret\\\\\\":\\\\\\"[redacted]\\\\\\"}\\"]"]',
    ],
    ["a secret written with escapes", `["\\u0067${GITHUB.slice(1)}"]`, '["[redacted]"]'],
    ["a token that is a key", `{"${GITLAB}":1}`, '{"[redacted]":1}'],
    [
      "a key behind an object",
      '{"secret":{"a":"b"},"token":"c"}',
      '{"secret":{"a":"b"},"token":"[redacted]"}',
    ],
  ])("redactor.json masks %s", (_, json, masked) => {
    expect(redactor.json(json)).toBe(masked);
    expect(() => JSON.parse(masked)).not.toThrow();
  });

  test.each([
    '{"_meta":{"progressToken":12345678901234567890},"max_tokens":1,"e":1.50e2,"u":"\\u0041\\/"}',
    '{"inputSchema":{"type":"object","properties":{"password":{"type":"string"}},"required":["password"]}}',
    '{"password":null,"secret":true,"token":"","credentials":{}}',
    "[]",
    '"text"',
    "-1.5e3",
    '{ "a" :\r[ 1 , { } ] }',
  ])("redactor.json leaves %s as it is", (json) => {
    expect(redactor.json(json)).toBe(json);
  });

  test("redactor.json keeps JSON valid, and what is no secret equal, whatever comes", () => {
    const key = fc.oneof(
      fc.string(),
      fc.constantFrom("password", "token", "text", "progressToken"),
    );
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: "binary" }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom(null, true, GITHUB, `{"password":"${GITHUB}"}`),
        fc.array(tie("node")),
        fc.dictionary(key, tie("node")),
      ),
    })).node;
    fc.assert(
      fc.property(value, (node) => {
        const json = JSON.stringify(node);
        const masked = redactor.json(json);
        expect(() => JSON.parse(masked)).not.toThrow();
        expect(masked).not.toContain(GITHUB);
        // Masked once, nothing is left to mask.
        expect(redactor.json(masked)).toBe(masked);
      }),
    );
  });

  test("redactor.json walks JSON that is nested very deeply", () => {
    const deep = `${"[".repeat(200_000)}"${GITLAB}"${"]".repeat(200_000)}`;
    expect(redactor.json(deep)).toBe(deep.replace(GITLAB, "[redacted]"));
  });
});

describe("redactor.commandLine", () => {
  test("redactor.commandLine masks what follows an option with a secret's name", () => {
    expect(
      redactor.commandLine([
        "srv",
        "--api-key",
        "abc",
        "--password=hunter2",
        "-token",
        "x",
        "--port",
        "80",
      ]),
    ).toEqual([
      "srv",
      "--api-key",
      "[redacted]",
      "--password=[redacted]",
      "-token",
      "[redacted]",
      "--port",
      "80",
    ]);
  });

  test("redactor.commandLine masks settings, URLs and headers, and keeps the rest", () => {
    expect(
      redactor.commandLine([
        "docker",
        "run",
        "-e",
        "GITHUB_PERSONAL_ACCESS_TOKEN=abc",
        "-e",
        "GITHUB_TOKEN",
        "--header",
        "Authorization: Bearer abc",
        "postgres://u:p@h/db",
        "--token",
        "--verbose",
      ]),
    ).toEqual([
      "docker",
      "run",
      "-e",
      "GITHUB_PERSONAL_ACCESS_TOKEN=[redacted]",
      "-e",
      "GITHUB_TOKEN",
      "--header",
      "Authorization: [redacted]",
      "postgres://u:[redacted]@h/db",
      "--token",
      "--verbose",
    ]);
  });
});
