/** Listens to this program's own Bun and to the system's OpenSSL by perf events, as kernels before 6.6 do, and stops; prints how many
 * links there were, how long that took (ms), and who has been left behind. */
import { closeSync, fstatSync, openSync } from "node:fs";
import { Kernel } from "../../../src/capture/kernel.ts";
import { analyse } from "../../../src/libraries/analyse.ts";
import { readerOf } from "../../../src/live/tls/analyses.ts";

const [front, ...files] = process.argv.slice(2);
using kernel = new Kernel({
  frontEnd: front === "fexit" ? "fexit" : "tracepoint",
  ringBytes: 1 << 20,
  ownPid: process.pid,
  preemptible: false,
  filtering: false,
  watchFiles: true,
  followNames: [],
  followCgroups: [],
});
const tls = kernel.openTls({ ownPid: process.pid, filtering: false }, false);
let probes = 0;
for (const file of files) {
  const fd = openSync(file, "r");
  for (const library of analyse(readerOf(fd), fstatSync(fd).size).libraries) {
    tls.tap(file, library);
    probes += library.probes.length;
  }
  closeSync(fd);
}
const before = performance.now();
tls.detach();
const tookMs = performance.now() - before;
tls[Symbol.dispose]();
const children = Bun.spawnSync(["ps", "-o", "pid=,comm=", "--ppid", String(process.pid)]);
const left = children.stdout
  .toString()
  .split("\n")
  .filter((each) => / \S/.test(each.trim()));
const keepers = left
  .filter((each) => !each.includes("ps"))
  .map((each) => Number.parseInt(each, 10));
process.stdout.write(`${JSON.stringify({ probes, tookMs, keepers })}\n`);
