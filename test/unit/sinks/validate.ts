/** NDJSON lines in; throws when one is not as docs/ndjson.schema.json has it. */
import Ajv2020 from "ajv/dist/2020";
import schema from "../../../docs/ndjson.schema.json";

const validate = new Ajv2020({
  discriminator: true,
  strict: true,
  strictTypes: false,
  strictRequired: false,
}).compile(schema);

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const CONTROL = /[\0-\x1f\x7f-\x9f\u2028\u2029]/;

/** Checks every line: one JSON object, no control character, valid against the schema. Gives the objects back. */
export function assertNdjson(lines: readonly string[]): Record<string, unknown>[] {
  return lines.map((line, index) => {
    if (CONTROL.test(line))
      throw new Error(`Line ${index + 1} has a control character: ${JSON.stringify(line)}`);
    const value: unknown = JSON.parse(line);
    if (!validate(value)) {
      const errors = validate.errors?.map(
        ({ instancePath, message, params }) =>
          `${instancePath === "" ? "/" : instancePath} ${message} ${JSON.stringify(params)}`,
      );
      throw new Error(
        `Line ${index + 1} breaks the contract: ${errors?.join("; ")}\n${line.slice(0, 2000)}`,
      );
    }
    return asRecord(value);
  });
}

/** The same for a whole output, whose last line must have its end. */
export function assertNdjsonText(text: string): Record<string, unknown>[] {
  if (text === "") return [];
  if (!text.endsWith("\n")) throw new Error(`The last line has no end: ${text.slice(-200)}`);
  return assertNdjson(text.slice(0, -1).split("\n"));
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new Error("Not an object");
  return Object.fromEntries(Object.entries(value));
}
