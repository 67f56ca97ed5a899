/** A database without a capture: of a recording of one message, by `overhear replay`. */
import { writeFileSync } from "node:fs";
import { OVERHEAR } from "../programs.ts";
import type { Workspace } from "../run-client.ts";

/** A recording of one message, from docs/ndjson.md. */
const SMALL = `${JSON.stringify({
  kind: "message",
  timestamp: "2026-11-20T12:34:56.789012Z",
  transport_type: "stdio",
  stdio_transport: {
    from_pid: 12345,
    from_comm: "python",
    to_pid: 12346,
    to_comm: "python",
    channel: "pipe:4711",
  },
  session: "pipe:4711",
  direction: "client-to-server",
  seq: 1,
  type: "request",
  id: 7,
  method: "tools/call",
  target: "get_weather",
  params: { name: "get_weather", arguments: { city: "Oslo" } },
  queued_ms: 0.041,
  bytes: 107,
})}\n`;

/** Its path. */
export function makeSmallHistory(workspace: Workspace): string {
  const database = workspace.file("history.db");
  const recording = workspace.file("small.ndjson");
  writeFileSync(recording, SMALL);
  const made = Bun.spawnSync([OVERHEAR, "replay", "-q", "--db", database, recording]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  return database;
}
