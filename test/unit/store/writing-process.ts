/** A process that writes a history until it is killed: bun writing-process.ts FILE. Says how many bytes are stored. */

import { startStoreThread } from "../../../src/cli/start-store-thread.ts";
import { HistoryStore } from "../../../src/store/history-store.ts";
import { traffic } from "./traffic.ts";

const startNs = Math.floor(performance.now() * 1e6);
const store = new HistoryStore({
  path: process.argv[2] ?? "",
  owner: undefined,
  clock: { toUnixMicros: (ns) => Math.floor(ns / 1000) + 1_795_176_000_000_000 },
  version: "test",
  keep: { ageMs: undefined, bytes: undefined },
  maxBodyBytes: 65_536,
  isRedacted: false,
  recordsFiles: false,
  isLive: false,
  isOwn: () => false,
  isOwnEnd: () => false,
  startThread: startStoreThread,
  report: (line) => process.stderr.write(`${line}\n`),
});
for (const items of traffic({ calls: 1_000_000, startNs, lastsNs: 3_600_000_000_000 })) {
  await store.write(items);
  process.stdout.write(`${store.written}\n`);
  await Bun.sleep(1);
}
