import { expect, test } from "bun:test";
import { Only } from "../../../src/delivery/only.ts";
import type { Consumer } from "../../../src/delivery/types.ts";
import type { ExchangeItem } from "../../../src/exchange/types.ts";
import { callRequest, loss, summary } from "../sinks/items.ts";

class Kinds implements Consumer {
  readonly seen: string[] = [];

  write(items: readonly ExchangeItem[]): Promise<void> {
    this.seen.push(items.map(({ kind }) => kind).join(","));
    return Promise.resolve();
  }

  async flush(): Promise<void> {
    this.seen.push("flush");
  }

  async reopen(): Promise<void> {
    this.seen.push("reopen");
  }

  async close(): Promise<void> {
    this.seen.push("close");
  }
}

test("Only passes on what is accepted, in order, and nothing where that is nothing", async () => {
  const inner = new Kinds();
  const only = new Only(inner, ({ kind }) => kind === "message");
  expect(only.write([callRequest(), loss(), callRequest()])).toBeInstanceOf(Promise);
  expect(only.write([loss()])).toBeUndefined();
  await only.flush();
  await only.reopen();
  await only.close(summary());
  expect(inner.seen).toEqual(["message,message", "flush", "reopen", "close"]);
});
