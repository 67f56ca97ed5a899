/** The tool: argv in, exit code out. */
import { replay } from "./cli/replay.ts";
import { reportError, runCommand } from "./cli/run-command.ts";

const argv = process.argv.slice(2);
const die = (thrown: unknown) => process.exit(reportError(thrown, argv));
process.on("uncaughtException", die);
process.on("unhandledRejection", die);

process.exit(
  await runCommand(argv, {
    // Loaded when needed: the rest must work where the native library cannot be loaded.
    listen: async (options) => (await import("./listen.ts")).listen(options),
    examine: async (program) => (await import("./live/tls/examine.ts")).examine(program),
    probe: async () => (await import("./capture/probe.ts")).probe(),
    mcp: async (options) => (await import("./mcp.ts")).mcp(options),
    replay,
  }),
);
