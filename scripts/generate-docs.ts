/** The option table in, docs/overhear.1 and docs/cli.md out; the tests compare both with what is committed. */
import { renderCliDocs } from "../src/cli/docs.ts";
import { renderMan } from "../src/cli/man.ts";

const docs = new URL("../docs/", import.meta.url);
await Bun.write(new URL("overhear.1", docs), renderMan());
await Bun.write(new URL("cli.md", docs), renderCliDocs());
