/** Inputs that fuzzing starts from: captured streams, and lines that were made to be hard. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const fixtures = join(import.meta.dir, "../fixtures");
const captured = ["legacy-client", "legacy-server", "modern-client", "modern-server"].map((name) =>
  readFileSync(join(fixtures, `stdio-v2-${name}`, "in.bin")),
);

const hard = [
  '{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"},\\""}}\n{"result":{},"jsonrpc":"2.0","id":"\\u0061"}\n',
  '[{"jsonrpc":"2.0","id":1,"result":[]},{"jsonrpc":"2.0","method":"b"},3]\r\nlog line\n\n{\n  "a": 1\n}\n',
  '\ufeff{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"žluť 🎵"}}\n{"id":1.0,"id":2,"result":null}',
  `{"jsonrpc":"2.0","method":"deep","params":${"[".repeat(600)}${"]".repeat(600)}}\n`,
  `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"${"long ".repeat(250)}"}]}}\n`,
].map((text) => Buffer.from(text));

export const seeds: readonly Uint8Array[] = [...captured, ...hard];
