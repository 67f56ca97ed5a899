/** Lines on standard input in, answered on standard output, in either era of MCP. */
import { once } from "node:events";
import { Readable, type Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { JSONRPCMessage, McpServerFactory } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { MAX_REQUEST_BYTES, MAX_STREAMS } from "./limits.ts";

export interface StdioServer {
  /** The client has closed its end, or cannot be answered any more. */
  readonly closed: Promise<void>;
  stop(): Promise<void>;
}

export function serveOnStdio(
  factory: McpServerFactory,
  stdin: Readable,
  stdout: Writable,
  onError: (error: Error) => void,
): StdioServer {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const gone = once(stdout, "close");
  // what goes wrong with it the transport is told, too
  gone.catch(() => undefined);
  const pieces = paced(stdin, () => Promise.race([transport.sent, gone]));
  const input = Readable.from(pieces, { objectMode: true, highWaterMark: 1 });
  const transport = new PacedTransport(input, stdout, resolve);
  const handle = serveStdio(factory, {
    transport,
    onerror: onError,
    maxSubscriptions: MAX_STREAMS,
  });
  return { closed, stop: () => handle.close() };
}

/** Read at once, bytes: some hundred requests at most. */
const PIECE_BYTES = 4096;

/** A client that does not read its answers is read no further: they would pile up here. `answered`: those that were made. */
async function* paced(stdin: Readable, answered: () => Promise<unknown>): AsyncGenerator<Buffer> {
  for await (const chunk of stdin) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      yield chunk.subarray(at, at + PIECE_BYTES);
      // answers are made meanwhile
      await setImmediate();
      await answered();
    }
  }
}

class PacedTransport extends StdioServerTransport {
  readonly #onClosed: () => void;
  #sent: Promise<unknown> = Promise.resolve();

  constructor(stdin: Readable, stdout: Writable, onClosed: () => void) {
    super(stdin, stdout, { maxBufferSize: MAX_REQUEST_BYTES });
    this.#onClosed = onClosed;
  }

  /** Resolves when all messages until now are taken, or cannot be. */
  get sent(): Promise<unknown> {
    return this.#sent;
  }

  /** One after the other: each that waits would listen to the stream. */
  override send(message: JSONRPCMessage): Promise<void> {
    const done = this.#sent.then(() => super.send(message));
    this.#sent = done.catch(() => undefined);
    return done;
  }

  override async close(): Promise<void> {
    await super.close();
    this.#onClosed();
  }
}
