/** Program runs that a preemptible kernel skips are rare with the twin, and never silent. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { messagesOf } from "./compare.ts";
import { at, numberAt } from "./json.ts";
import { ANY_FRONT_END, EMULATED, missing, PATIENCE_MS, titled } from "./settings.ts";
import { Tool } from "./tool.ts";
import { talk } from "./traffic.ts";

setDefaultTimeout(PATIENCE_MS * 10);
const lacks = missing();
/** Calls per channel; one read and one write each, in both directions. */
const CALLS = EMULATED ? 5_000 : 50_000;

/** Calls at once on a pipe and a socketpair; all is heard, or the summary admits that it was not. */
async function hearsCalls(tool: Tool): Promise<void> {
  const truths = await Promise.all(
    ["pipe", "socketpair"].map((channel) => {
      const size = ["--messages", String(CALLS), "--size", "120"];
      return talk(["--channel", channel, ...size, "--tag", channel]);
    }),
  );
  const heard = await tool.stop();
  const read = truths.reduce((sum, truth) => sum + truth.read.length, 0);
  const messages = truths.reduce((sum, truth) => sum + messagesOf(heard, truth).length, 0);
  const lost = numberAt(heard.summary, "loss_bytes");
  const isHeard = messages >= read * 0.995 && messages <= read;
  expect({ isHeard, lost }).toEqual({ isHeard: true, lost: 0 });
  // Either all was heard, or the summary says that runs were skipped.
  if (messages < read) expect(at(heard.summary, "exact")).toBe(false);
}

test.skipIf(lacks !== undefined)(
  titled(
    "at least 99.5 % of many small calls on two channels is heard, and a miss is admitted",
    lacks,
  ),
  async () => {
    await using tool = await Tool.start("--attach", ANY_FRONT_END, "--ring", "64M");
    await hearsCalls(tool);
  },
);

/** Becomes its arguments, which find a kernel that preempts. */
const PREEMPTS = [
  "mount -t tmpfs none /sys/kernel/debug",
  "mkdir /sys/kernel/debug/sched",
  'echo "none voluntary (full)" >/sys/kernel/debug/sched/preempt',
  'exec "$@"',
].join(" && ");
const AS_PREEMPTIBLE = ["unshare", "-m", "--propagation", "private", "sh", "-c", PREEMPTS, "sh"];

test.skipIf(lacks !== undefined)(
  titled("the second copy that joins under way tells nothing twice, and misses nothing", lacks),
  async () => {
    await using tool = await Tool.startBy(
      AS_PREEMPTIBLE,
      "--attach",
      "tracepoint",
      "--ring",
      "64M",
    );
    await hearsCalls(tool);
  },
);
