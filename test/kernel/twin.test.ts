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

test.skipIf(lacks !== undefined)(
  titled(
    "at least 99.5 % of many small calls on two channels is heard, and a miss is admitted",
    lacks,
  ),
  async () => {
    await using tool = await Tool.start("--attach", ANY_FRONT_END, "--ring", "64M");
    const truths = await Promise.all(
      ["pipe", "socketpair"].map((channel) =>
        talk([
          "--channel",
          channel,
          "--messages",
          String(CALLS),
          "--size",
          "120",
          "--tag",
          channel,
        ]),
      ),
    );
    const { heard, read } = await tool.stop().then((result) => ({
      heard: result,
      read: truths.reduce((sum, truth) => sum + truth.read.length, 0),
    }));
    const messages = truths.reduce((sum, truth) => sum + messagesOf(heard, truth).length, 0);
    const lost = numberAt(heard.summary, "loss_bytes");
    expect({ messages: messages >= read * 0.995, lost }).toEqual({ messages: true, lost: 0 });
    // Either all was heard, or the summary says that runs were skipped.
    if (messages < read) expect(at(heard.summary, "exact")).toBe(false);
  },
);
