/** A response in; the same response, whose event stream ends when its reader lets too much wait, out. */
import { MAX_WAITING_BYTES } from "../limits.ts";

/** What produces events does not wait for who reads them: it would fill the memory. */
export function boundStream(response: Response, maxBytes: number = MAX_WAITING_BYTES): Response {
  const { body } = response;
  const isEvents = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (body === null || !isEvents) return response;
  const reader = body.getReader();
  let isOver = false;
  const end = (reason: string) => {
    isOver = true;
    // the producer learns that nobody reads any more
    return reader.cancel(reason).catch(() => undefined);
  };
  const bounded = new ReadableStream<Uint8Array>(
    {
      async start(controller) {
        // reads on whether or not anything is pulled: what waits, waits here and is counted
        void pump(controller).catch((error: unknown) => {
          if (!isOver) controller.error(error);
        });
      },
      cancel: () => void end("the client is gone"),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxBytes }),
  );
  async function pump(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read();
      if (isOver) return;
      if (done) return controller.close();
      controller.enqueue(value);
      if ((controller.desiredSize ?? 0) < 0) {
        controller.error(new Error("The client does not read its event stream"));
        await end("the client does not read");
        return;
      }
    }
  }
  return new Response(bounded, response);
}
