/** `look-into.ts FILE FOLDER`: what FILE encrypts with, as FOLDER knows it or found anew; prints how many and how long, ms. */
import { closeSync, openSync } from "node:fs";
import { Analyses } from "../../src/live/tls/analyses.ts";
import { CacheFolder } from "../../src/live/tls/cache-folder.ts";

const [, , file = "", folder = ""] = process.argv;
const fd = openSync(file, "r");
const begun = performance.now();
const { libraries } = new Analyses(CacheFolder.open(folder)).of(fd);
const ms = performance.now() - begun;
closeSync(fd);
process.stdout.write(`${JSON.stringify({ libraries: libraries.length, ms })}\n`);
