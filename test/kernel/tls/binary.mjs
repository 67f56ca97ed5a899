// [PORT CALLS]: speaks a protocol of its own inside TLS, in Bun. Without arguments it echoes, and prints its port; else it
// says "done" after its calls, and ends when its input does.
import { readFileSync } from "node:fs";

const [port, calls] = process.argv.slice(2).map(Number);
const WORD = Buffer.from([0x90, 0x01, 0xfe, 0x80, 0x00, 0x7f, 0xff, 0xee]);

if (port === undefined) {
  const key = readFileSync(new URL("key.pem", import.meta.url));
  const cert = readFileSync(new URL("certificate.pem", import.meta.url));
  const socket = { data: (from, bytes) => void from.write(bytes) };
  console.log(Bun.listen({ hostname: "127.0.0.1", port: 0, tls: { key, cert }, socket }).port);
} else {
  let left = calls;
  const next = (socket) => (left-- > 0 ? socket.write(WORD) : console.log("done"));
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    tls: { rejectUnauthorized: false },
    socket: { handshake: next, data: next },
  });
  for await (const _ of process.stdin);
  process.exit(0);
}
