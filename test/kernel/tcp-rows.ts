/** The capture matrix over TCP: each row is a conversation of test/traffic in JSON lines. */
import {
  type Calls,
  calls,
  grid,
  halfRows,
  heldRows,
  INTO_PIPE,
  OUT_OF_SOCKET,
  onEach,
  RECEIVING,
  type Row,
  row,
  SENDING,
  specialRows,
} from "./rows.ts";

const CHANNELS = ["tcp4", "tcp6", "tcp-mapped"];

/** Every way in × every way out. */
export const TCP_GRID: readonly Row[] = grid(
  CHANNELS,
  [...INTO_PIPE, ...SENDING],
  [...OUT_OF_SOCKET, ...RECEIVING],
).map((path) => row("", path, "--batch 3"));

const THREE: readonly Calls[] = [
  calls("tcp4", "write", "read"),
  calls("tcp6", "sendto", "recvfrom"),
  calls("tcp-mapped", "sendmsg", "recvmsg"),
];
const MMSG: readonly Calls[] = [
  calls("tcp4", "sendmmsg", "recvmmsg"),
  calls("tcp6", "sendmmsg", "recvmmsg"),
];

export const TCP_SPECIAL: readonly Row[] = [
  ...specialRows(THREE),
  ...onEach("peeked at first", "--peek --batch 4", {}, [
    calls("tcp4", "send", "recv"),
    calls("tcp6", "sendmsg", "recvmsg"),
    ...MMSG,
  ]),
  ...onEach("through 1,000 buffers of 7 bytes", "--buffers 1000 --batch 30 --messages 60", {}, [
    calls("tcp4", "writev", "readv"),
    calls("tcp6", "pwritev2", "preadv2"),
    calls("tcp-mapped", "sendmsg", "recvmsg"),
  ]),
  ...onEach(
    "in some 170 messages of 7 bytes a call",
    "--buffers 200 --batch 6 --messages 60",
    {},
    MMSG,
  ),
  ...onEach("through small buffers of the sockets", "--pipe-size 4096 --size 30000", {}, THREE),
];

export const TCP_HELD: readonly Row[] = heldRows(THREE, "--hold writer --pipe-size 4096");
export const TCP_HALF = halfRows(THREE, THREE.slice(0, 2));

/** Where the front end may be unable to hear; then it has to say so. */
export const TCP_HARD: readonly Row[] = grid(CHANNELS, ["write"], ["splice", "io_uring"]).map(
  (path) => row("", path, ""),
);

const NODE = calls("tcp6", "writev", "read");
const BUN = calls("tcp4", "sendto", "recvfrom");
const NGINX = calls("tcp4", "sendfile", "recv");
const MAPPED = calls("tcp-mapped", "sendmsg", "recvmsg");
const LOCAL = calls("unix-listen", "sendmsg", "read");
const EACH = [NODE, BUN, NGINX, MAPPED, LOCAL];

function http(title: string, options: string, on: readonly Calls[] = EACH): Row[] {
  // heads and other bodies are no messages
  return onEach(`HTTP, ${title}`, options, { noise: true }, on);
}

/** MCP over HTTP; `around`: with other HTTP on the same connection. */
export const HTTP: readonly Row[] = [
  ...http("answered by JSON", "--http json"),
  ...http("answered by events", "--http sse"),
  ...http("with other HTTP between", "--http around"),
  ...http("in 7 writes each", "--http mixed --split 7", [NODE, BUN, MAPPED, LOCAL]),
  ...http("read through a buffer of 100 bytes", "--http mixed --read-size 100"),
  ...http("non-blocking", "--http mixed --nonblock --size 30000"),
  ...http("pipelined", "--http mixed --batch 5"),
  ...http("messages of 1 MB", "--http mixed --size 1000000 --messages 3"),
];

/** The last answer is never heard in full. */
export const HTTP_CUT: readonly Row[] = [
  ...onEach(
    "HTTP, the server dies inside an answer",
    "--http cut",
    { noise: true, reasons: { s2c: ["unfinished_line"] } },
    EACH,
  ),
  ...onEach(
    "HTTP, the client goes without reading an answer",
    "--http reset",
    { noise: true, reasons: { s2c: ["unread"] } },
    EACH,
  ),
];

/** Connections that were open before the start: from the next request on. */
export const HTTP_HELD: readonly Row[] = [
  ...onEach(
    "HTTP, running at the start",
    "--http mixed --hold running --hold-after 3",
    {
      noise: true,
      held: true,
    },
    [NODE, BUN, MAPPED],
  ),
];

/** Nothing of MCP. */
export const HTTP_OTHER: readonly Row[] = http("not MCP", "--http plain");
