/** Lines on standard input in, answered on standard output, in either era of MCP. */
import { once } from "node:events";
import { Readable, type Writable } from "node:stream";
import type { McpServerFactory } from "@modelcontextprotocol/server";
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
  const input = Readable.from(paced(stdin, stdout), { objectMode: true, highWaterMark: 1 });
  const transport = new ClosingTransport(input, stdout, resolve);
  const handle = serveStdio(factory, {
    transport,
    onerror: onError,
    maxSubscriptions: MAX_STREAMS,
  });
  return { closed, stop: () => handle.close() };
}

/** A client that does not read its answers is read no further: they would pile up here. */
async function* paced(stdin: Readable, stdout: Writable): AsyncGenerator<Buffer> {
  for await (const chunk of stdin) {
    if (stdout.writableNeedDrain)
      await Promise.race([once(stdout, "drain"), once(stdout, "close")]);
    yield chunk;
  }
}

class ClosingTransport extends StdioServerTransport {
  readonly #onClosed: () => void;

  constructor(stdin: Readable, stdout: Writable, onClosed: () => void) {
    super(stdin, stdout, { maxBufferSize: MAX_REQUEST_BYTES });
    this.#onClosed = onClosed;
  }

  override async close(): Promise<void> {
    await super.close();
    this.#onClosed();
  }
}
