/** The tool: argv in, exit code out. */
import { probe } from "./capture/probe.ts";
import { replay } from "./cli/replay.ts";
import { reportError, runCommand } from "./cli/run-command.ts";
import { listen } from "./listen.ts";

const argv = process.argv.slice(2);
const die = (thrown: unknown) => process.exit(reportError(thrown, argv));
process.on("uncaughtException", die);
process.on("unhandledRejection", die);

process.exit(await runCommand(argv, { listen, replay, probe }));
