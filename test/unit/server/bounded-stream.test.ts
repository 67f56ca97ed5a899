import { expect, test } from "bun:test";
import { boundStream } from "../../../src/server/http/bounded-stream.ts";

const EVENTS = { headers: { "content-type": "text/event-stream" } };

test("an event stream that is read comes whole, and ends", async () => {
  const parts = ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"];
  const source = new Response(new Blob(parts).stream(), EVENTS);
  expect(await boundStream(source, 4).text()).toBe(parts.join(""));
});

test("an event stream that nobody reads ends, and its producer learns of it", async () => {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  let made = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      made += 1000;
      controller.enqueue(new Uint8Array(1000));
    },
    cancel: () => resolve(),
  });
  const bounded = boundStream(new Response(endless, EVENTS), 10_000);
  await cancelled;
  expect(made).toBeLessThan(20_000);
  await expect(bounded.text()).rejects.toThrow("does not read");
});

test("when the client goes, the producer learns of it", async () => {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const quiet = new ReadableStream<Uint8Array>({ cancel: () => resolve() });
  await boundStream(new Response(quiet, EVENTS)).body?.cancel();
  await cancelled;
  expect(quiet.locked).toBe(true);
});

test("what is no event stream is left as it is", () => {
  const response = Response.json({});
  expect(boundStream(response)).toBe(response);
});
