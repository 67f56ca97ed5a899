/** The JSON scanner and the ids against JSON.parse. */

import { endOfValue } from "../../src/json-grammar.ts";
import { canonicalId } from "../../src/message/canonical-id.ts";
import { assertEqual, type FuzzTarget } from "./target.ts";

export const jsonTarget: FuzzTarget = {
  name: "json",
  seeds: [
    '{"a":[1,-2.5e+3,true,false,null,"\\u0061\\n",{}],"b":{"c":[[]]}}',
    '"id"',
    "12345678901234567890",
    "1.50e-7",
    "null",
  ].map((text) => Buffer.from(text)),
  check(input) {
    const text = Buffer.from(input)
      .toString()
      .trim()
      .replace(/^\ufeff/, "");
    let value: unknown;
    let isJson = true;
    try {
      value = JSON.parse(text);
    } catch {
      isJson = false;
    }
    assertEqual(
      endOfValue(text, 0) === text.length,
      isJson,
      `whether ${Bun.inspect(text)} is JSON`,
    );
    if (!isJson) return;
    const id = canonicalId(text);
    assertEqual(JSON.parse(id.text), value === 0 ? 0 : value, "the id's value");
    assertEqual(canonicalId(id.text), id, "the id of an id");
  },
};
