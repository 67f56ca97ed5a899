/** Writes the files in docs/ that come from the sources; `make check` fails when one was left behind. */
import { join } from "node:path";
import { renderCliDocs } from "../src/cli/docs.ts";
import { renderMan } from "../src/cli/man.ts";

const docs = join(import.meta.dir, "../docs");
await Bun.write(join(docs, "cli.md"), renderCliDocs());
await Bun.write(join(docs, "overhear.1"), renderMan());
