/** Messages that some reader of JSON stops at, or seems to: their texts, and which member is given out as text. */

import type { Flag } from "../../../src/framing/types.ts";

export interface UnfitLine {
  readonly text: string;
  /** The exact texts that come in strings, by member. */
  readonly texts: Readonly<Record<string, string>>;
  readonly flags: readonly Flag[];
}

const TEXT: readonly Flag[] = ["as_text"];
const MENDED: readonly Flag[] = ["lone_surrogate"];

export const arrays = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
export const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
/** As deep, in text in which few brackets stand side by side. */
const strewn = (levels: number) => `${"[7,".repeat(levels)}8${",9]".repeat(levels)}`;

function call(params: string, texts: "text" | "mended" | "as it is"): UnfitLine {
  const flags = { text: TEXT, mended: MENDED, "as it is": [] }[texts];
  return {
    text: `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}`,
    texts: texts === "as it is" ? {} : { params },
    flags,
  };
}

function asked(id: string, flags: readonly Flag[]): UnfitLine {
  return {
    text: `{"jsonrpc":"2.0","id":${id},"method":"ping"}`,
    texts: flags.length === 0 ? {} : { id },
    flags,
  };
}

const echo = (value: string) => `{"name":"echo","arguments":{"a":${value}}}`;
const long = (json: string) => `{"name":"echo","arguments":["${"x".repeat(3000)}",${json}]}`;

export const UNFIT_LINES: Readonly<Record<string, UnfitLine>> = {
  "250 levels of arrays": call(arrays(250), "as it is"),
  "251 levels of arrays": call(arrays(251), "text"),
  "125 objects": call(objects(125), "as it is"),
  "126 objects": call(objects(126), "text"),
  "249 arrays and an empty object": call(`${"[".repeat(249)}{}${"]".repeat(249)}`, "text"),
  "40 objects and 171 arrays": call(objects(40).replace("1", arrays(171)), "text"),
  "40 objects and 170 arrays": call(objects(40).replace("1", arrays(170)), "as it is"),
  "171 arrays and 40 objects": call(arrays(171).replace("[]", `[${objects(40)}]`), "text"),
  "170 arrays and 40 objects": call(arrays(170).replace("[]", `[${objects(40)}]`), "as it is"),
  "251 levels behind 300 characters": call(`["${"x".repeat(300)}",${arrays(250)}]`, "text"),
  "300 levels of arrays": call(arrays(300), "text"),
  "300 objects": { ...call(objects(300), "text"), flags: ["deep_nesting", "as_text"] },
  "250 levels with values between": call(strewn(250), "as it is"),
  "251 levels with values between": call(strewn(251), "text"),
  "300 brackets in a string": call(echo(`"${"[{".repeat(150)}"`), "as it is"),
  "100,000 levels": { ...call(arrays(100_000), "text"), flags: ["deep_nesting", "as_text"] },
  "250 levels in a long text": call(long(arrays(247)), "as it is"),
  "251 levels in a long text": call(long(arrays(248)), "text"),
  "a number beyond double": call(echo("1e309"), "text"),
  "a negative number beyond double": call(echo("-1.5E+400"), "text"),
  "a number beyond double by many digits": call(echo("9".repeat(309)), "text"),
  "a number beyond double by digits and exponent": call(echo(`${"9".repeat(199)}e110`), "text"),
  "a number beyond double in an array": call("[1,2,3e999]", "text"),
  "a number beyond double in a long text": call(long("[1,-2e999]"), "text"),
  "many digits in a long text": call(long(`[${"7".repeat(400)}]`), "text"),
  "a scalar beyond double": call("1e309", "text"),
  "the largest double": call(echo("1.7976931348623157e308"), "as it is"),
  "a number below all doubles": call(echo("1e-999"), "as it is"),
  "a zero with an exponent": call(echo("0e999"), "as it is"),
  "5,000 digits": call(echo("1".repeat(5000)), "text"),
  "a million digits behind the point": call(echo(`0.${"1".repeat(1_000_000)}`), "text"),
  "a number of 20 digits": call(echo("12345678901234567890"), "as it is"),
  "what looks like a huge number in a string": call(echo('"1e999, [1e999]"'), "as it is"),
  "true and false": call('[true,false,{"e":false}]', "as it is"),
  "a first half alone": call(echo('"\\ud83d"'), "mended"),
  "a second half alone": call(echo('"\\uDE00!"'), "mended"),
  "halves the wrong way round": call(echo('"\\ude00\\ud83d"'), "mended"),
  "a first half twice": call(echo('"\\ud83d\\ud83d\\ude00"'), "mended"),
  "a half as a key": call('{"name":"a","\\uD800":1}', "mended"),
  "a half and a raw emoji": call(echo('"\\ud83d😀"'), "mended"),
  "a half in a long text": call(long('"\\ud83d"'), "mended"),
  "a half in 300,000 characters": {
    ...call(echo(`"\\ud83d${"x".repeat(300_000)}"`), "text"),
    flags: [...TEXT, ...MENDED],
  },
  "a half and too many levels": {
    ...call(`["\\ud83d",${arrays(250)}]`, "text"),
    flags: [...TEXT, ...MENDED],
  },
  "a whole pair": call(echo('"\\ud83d\\ude00"'), "as it is"),
  "a backslash before ud800": call(echo('"\\\\ud800"'), "as it is"),
  "two backslashes before a half": call(echo('"\\\\\\ud800"'), "mended"),
  NUL: call(echo('"a\\u0000b"'), "as it is"),
  "NUL in a key": call('{"name":"a","a\\u0000b":1}', "as it is"),
  "escapes of all kinds": call(
    echo('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uffff\\ufffe\\ufeff"'),
    "as it is",
  ),
  "a key twice": call('{"name":"a","name":"b","x":{"y":1,"y":2}}', "as it is"),
  "an empty key": call('{"name":"a","":1}', "as it is"),
  "an id of an array": asked("[7]", ["invalid_id", "as_text"]),
  "an id of a deep array": asked(arrays(300), ["invalid_id", "as_text"]),
  "an id of an object": asked('{"a":1}', ["invalid_id", "as_text"]),
  "an id of true": asked("true", ["invalid_id", "as_text"]),
  "an id of null": asked("null", []),
  "an id beyond double": asked("1e999", TEXT),
  "an id of 400 digits": asked("1".repeat(400), TEXT),
  "an id of half a pair": asked('"\\ud800"', MENDED),
  "an id of 2^60": asked("1152921504606846976", []),
  "a method of half a pair": {
    text: '{"jsonrpc":"2.0","id":7,"method":"tools/call\\udfff"}',
    texts: { method: '"tools/call\\udfff"' },
    flags: MENDED,
  },
  "an answer of 300 levels": {
    text: `{"jsonrpc":"2.0","id":7,"result":{"content":${arrays(300)}}}`,
    texts: { result: `{"content":${arrays(300)}}` },
    flags: TEXT,
  },
  "an answer cut in an emoji": {
    text: '{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"Hi \\ud83d"}]}}',
    texts: { result: '{"content":[{"type":"text","text":"Hi \\ud83d"}]}' },
    flags: MENDED,
  },
  "an error beyond double": {
    text: '{"jsonrpc":"2.0","id":7,"error":{"code":-1e400,"message":"a"}}',
    texts: { error: '{"code":-1e400,"message":"a"}' },
    flags: TEXT,
  },
};
