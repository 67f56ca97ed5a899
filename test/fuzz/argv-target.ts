/** Any words as a command line: a command, or one line that says what is wrong and one hint. */
import { buildCommand } from "../../src/cli/build-command.ts";
import { formatError, UsageError } from "../../src/cli/errors.ts";
import type { FuzzTarget } from "./target.ts";

export const argvTarget: FuzzTarget = {
  name: "argv",
  seeds: [
    "-o mcp-%Y.ndjson --rotate 100M --keep 7 -d 15m -q --redact",
    "--pid 1 -c node --container 3f4e8a --cgroup /x -m tools/* -t a? -s *git* -n 5",
    "run -q -o - --ring 64M -- npx -y server --pid x",
    "replay a.ndjson - -f ndjson -k message,call --color=never",
    "doctor --json -- -vv",
  ].map((text) => Buffer.from(text)),
  check(input) {
    const words = Buffer.from(input).toString().split(/[ \n]/);
    try {
      buildCommand(words, { stdoutIsTerminal: true });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const lines = formatError(error, false).text.trimEnd().split("\n");
      const isShown = lines.length <= 2 && lines.every((line) => !/[\p{Cc}]/u.test(line));
      if (!isShown) throw new Error(`not a line and a hint: ${Bun.inspect(lines)}`);
    }
  },
};
