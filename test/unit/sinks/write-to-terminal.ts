/** Run with a terminal as its standard output (fd-writer.test.ts): numbered lines through an FdWriter. */
import { constants, readFileSync, writeSync } from "node:fs";
import { FdWriter } from "../../../src/sinks/fd-writer.ts";

const writer = new FdWriter(1, "the terminal");
const lines = Array.from({ length: 200_000 }, (_, index) => `${index}\n`);
// nothing is shown yet, so all of it fits
const wait = writer.write(["..\n"]);
const flags = readFileSync("/proc/self/fdinfo/1", "utf8");
const open = Number.parseInt(/flags:\s+(\d+)/.exec(flags)?.[1] ?? "", 8);
const said = {
  atOnce: wait === undefined ? writer.written : 0,
  nonBlocking: open & constants.O_NONBLOCK,
};
writeSync(1, `${JSON.stringify(said)}\n`);
await writer.write(lines);
await writer.end();
