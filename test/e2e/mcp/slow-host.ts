/** An HTTP server that takes its time for some paths, and keeps its own record of who came, for what, and how long. */
import { createServer, type Server, type Socket } from "node:net";

export interface Visit {
  readonly path: string;
  /** The client's. */
  readonly port: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** From the request to its answer, ms. */
  readonly tookMs: number;
}

export const SLOW_MS = 1500;
const BODY = "late is better than never\n";

export class SlowHost implements AsyncDisposable {
  readonly visits: Visit[] = [];
  readonly port: number;
  readonly #server: Server;

  static async start(): Promise<SlowHost> {
    const visits: Visit[] = [];
    const server = createServer((socket) => serve(socket, visits));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new SlowHost(server, visits);
  }

  private constructor(server: Server, visits: Visit[]) {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    this.port = address.port;
    this.visits = visits;
    this.#server = server;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** One request, one answer; "/slow…" waits. */
function serve(socket: Socket, visits: Visit[]): void {
  let request = "";
  socket.on("error", () => undefined);
  socket.on("data", (piece) => {
    request += piece.toString("latin1");
    if (!request.includes("\r\n\r\n")) return;
    const begun = performance.now();
    const path = request.split(" ", 2)[1] ?? "";
    const port = socket.remotePort ?? 0;
    const head = `Content-Type: text/plain\r\nContent-Length: ${BODY.length}\r\nConnection: close`;
    const answer = `HTTP/1.1 200 OK\r\n${head}\r\n\r\n${BODY}`;
    const receivedBytes = request.length;
    setTimeout(
      () => {
        const tookMs = performance.now() - begun;
        visits.push({ path, port, receivedBytes, sentBytes: answer.length, tookMs });
        socket.end(answer);
      },
      path.startsWith("/slow") ? SLOW_MS : 0,
    );
  });
}
