/** The thread that writes the history (--db): what the capture's thread tells it in, rows of the database out. */
import { readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { redactor } from "./sinks/redact.ts";
import { StoreThread, type ToThread } from "./store/store-thread.ts";

declare const self: Worker;

let thread: StoreThread | undefined;

/** Added to the niceness: the capture, and what it listens to, come first. */
const NICENESS = 5;

/** Linux has a priority of its own for each thread; where it may not be set, it stays. */
function yieldToOthers(): void {
  try {
    const id = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    setPriority(id, Math.min(19, getPriority(id) + NICENESS));
  } catch {
    // it works all the same
  }
}

self.onmessage = ({ data }: MessageEvent<ToThread>) => {
  if (typeof data === "string") {
    thread?.batch(data);
    return;
  }
  switch (data.kind) {
    case "open": {
      const { options } = data;
      yieldToOthers();
      const mask = options.isRedacted ? redactor : undefined;
      thread = new StoreThread(options, mask, (message) => self.postMessage(message));
      return;
    }
    case "flush":
      return thread?.flush(data.id);
    case "end":
      return thread?.end(data.end);
  }
};
