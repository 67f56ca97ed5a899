/** The capture matrix: each row is a conversation of test/traffic and what is expected of it. */
import type { Expectations } from "./compare.ts";
import { CALLS, EMULATED, TRAFFIC, TRAFFIC_32 } from "./settings.ts";

export interface Row extends Expectations {
  readonly title: string;
  readonly args: readonly string[];
  readonly program: string;
  /** Starts before the tool and waits where --hold says until that listens. */
  readonly held?: boolean;
  /** So large that the ring must be empty before, and nobody else may write meanwhile. */
  readonly alone?: boolean;
  /** In every call and answer of this row, and in no other's. */
  readonly tag: string;
}

export const INTO_PIPE = ["write", "writev", "pwritev2", "sendfile", "splice", "vmsplice"];
export const SENDING = ["send", "sendto", "sendmsg", "sendmmsg"];
const OUT_OF_PIPE = ["read", "readv", "preadv2", "vmsplice"];
export const OUT_OF_SOCKET = ["read", "readv", "preadv2"];
export const RECEIVING = ["recv", "recvfrom", "recvmsg", "recvmmsg"];

export interface Calls {
  readonly channel: string;
  readonly write: string;
  readonly read: string;
}

export function calls(channel: string, write: string, read: string): Calls {
  return { channel, write, read };
}

function argsOf({ channel, write, read }: Calls): string[] {
  return ["--channel", channel, "--write", write, "--read", read];
}

let nextTag = 0;

/** `options`: as on a command line, without values that hold spaces. */
export function row(title: string, path: Calls, options: string, more: Partial<Row> = {}): Row {
  nextTag += 1;
  const count = options.includes("--messages") ? [] : ["--messages", String(CALLS)];
  const tag = `row-${nextTag}-`;
  const args = [...argsOf(path), "--tag", tag, ...count];
  if (options !== "") args.push(...options.split(" "));
  const name = `${path.channel}, ${path.write} to ${path.read}${title === "" ? "" : `: ${title}`}`;
  return { program: TRAFFIC, ...more, title: name, args, tag };
}

export function grid(
  channels: readonly string[],
  writes: readonly string[],
  reads: readonly string[],
): Calls[] {
  return channels.flatMap((channel) =>
    writes.flatMap((write) => reads.map((read) => calls(channel, write, read))),
  );
}

/** Every way in × every way out. */
export const GRID: readonly Row[] = [
  ...grid(["pipe", "fifo"], INTO_PIPE, OUT_OF_PIPE),
  ...grid(
    ["socketpair", "unix-listen"],
    [...INTO_PIPE, ...SENDING],
    [...OUT_OF_SOCKET, ...RECEIVING],
  ),
].map((path) => row("", path, "--batch 3"));

const PIPE = calls("pipe", "write", "read");
const FIFO = calls("fifo", "writev", "readv");
const PAIR = calls("socketpair", "sendto", "recvfrom");
const LISTEN = calls("unix-listen", "sendmsg", "recvmsg");
const FOUR = [PIPE, FIFO, PAIR, LISTEN];

export function onEach(
  title: string,
  options: string,
  more: Partial<Row> = {},
  on: readonly Calls[] = FOUR,
): Row[] {
  return on.map((path) => row(title, path, options, more));
}

const MANY = EMULATED ? 40 : 300;
const BIG = 16 * 1024 * 1024;
const LIMIT_BROKEN = 40 * 1024 * 1024;
/** Bytes of the endless line of test/traffic: its opening, its filling, its line end. */
const ENDLESS_BYTES = 60 + LIMIT_BROKEN + 1;
/** As test/traffic writes it. */
const UNFINISHED_BYTES = 46;

/** What any channel is put through. */
export function specialRows(on: readonly Calls[]): Row[] {
  const onAll = (title: string, options: string, more: Partial<Row> = {}): Row[] =>
    onEach(title, options, more, on);
  return [
    ...onAll("non-blocking", "--nonblock --batch 5"),
    ...onAll(
      "non-blocking, writes that fit in part only",
      `--nonblock --batch 6 --size 30000 --messages 12`,
    ),
    ...onAll("descriptors dup'ed", "--fd dup"),
    ...onAll("descriptors passed by SCM_RIGHTS", "--fd scm-rights"),
    ...onAll("asked for 0 bytes before each read", "--empty-reads"),
    ...onAll("reader and writer in threads", `--threads 1 --messages ${MANY}`),
    ...onAll("several writing threads", `--threads 4 --messages ${MANY}`),
    ...onAll("several writing processes", "--writers 3", { sharedChannel: true }),
    ...onAll("writer gone before the reader reads", "--writer-gone"),
    ...onAll("reader started after the write", "--late-reader --no-answers"),
    ...onAll("each message in 7 writes", "--split 7"),
    ...onAll("each message in 60 writes, cut inside characters", "--split 60 --crlf"),
    ...onAll("CRLF", "--crlf"),
    ...onAll("many messages in one write", `--batch ${MANY} --messages ${MANY} --answer-size 120`),
    ...onAll("read through a buffer of 100 bytes", "--read-size 100"),
    ...onAll("messages of 1 MB", "--size 1000000 --messages 3", { alone: true }),
    ...onAll("a message of 16 MiB by one call", `--size ${BIG} --answer-size 300 --messages 1`, {
      alone: true,
    }),
    ...onAll("a last line without an end", "--unfinished", {
      loss: { c2s: { unfinished_line: UNFINISHED_BYTES } },
    }),
  ];
}

export const SPECIAL: readonly Row[] = [
  ...specialRows(FOUR),
  ...onEach("noise around every message", "--noise", { noise: true }),
  ...onEach("noise, and all of it cut", "--noise --split 9", { noise: true }),
  ...onEach("60,000 bytes of log lines first", "--preamble 60000", { noise: true }),
  ...onEach("peeked at first", "--peek --batch 4", {}, [
    PAIR,
    LISTEN,
    calls("socketpair", "send", "recv"),
    calls("socketpair", "sendmmsg", "recvmmsg"),
  ]),
  ...onEach("through 1,000 buffers of 7 bytes", "--buffers 1000 --batch 30 --messages 60", {}, [
    FIFO,
    LISTEN,
    calls("pipe", "pwritev2", "preadv2"),
    calls("socketpair", "writev", "readv"),
  ]),
  ...onEach("in some 170 messages of 7 bytes a call", "--buffers 200 --batch 6 --messages 60", {}, [
    calls("socketpair", "sendmmsg", "recvmmsg"),
    calls("unix-listen", "sendmmsg", "recvmmsg"),
  ]),
  ...onEach(
    "a line that is too long",
    `--endless ${LIMIT_BROKEN} --messages 6`,
    { alone: true, lossSum: { c2s: ENDLESS_BYTES } },
    [PIPE, PAIR],
  ),
];

const STUCK = "--hold writer";

/** `stuck`: options by which a write stays in its call. */
export function heldRows(on: readonly Calls[], stuck = STUCK): Row[] {
  const onAll = (title: string, options: string): Row[] =>
    onEach(title, options, { held: true }, on);
  return [
    ...onAll("reader blocked in its call at the start", "--hold reader"),
    ...onAll("both running at the start", "--hold running --hold-after 3"),
    ...onAll("writer blocked in its call at the start", `${stuck} --size 400000 --messages 4`),
    // how much of the blocked write had moved is unknown: the places of those behind it are, too
    ...onAll(
      "writer blocked in its call at the start, short messages behind",
      `${stuck} --size 100000 --size-after 200 --answer-size 200 --messages ${MANY}`,
    ),
  ];
}

export const HELD: readonly Row[] = [
  ...heldRows(FOUR),
  ...onEach(
    "writer blocked in its call at the start",
    `${STUCK} --size 400000 --messages 4`,
    { held: true },
    [
      calls("pipe", "sendfile", "read"),
      calls("pipe", "splice", "read"),
      calls("pipe", "vmsplice", "read"),
      calls("socketpair", "sendfile", "recv"),
    ],
  ),
];

const HALF_READ = { held: true, unheard: [4] } as const;
const STOP_IN_FOURTH = "--hold half --hold-after 3 --size 1000";

/** The line that stands half in the channel at the start: its first half was read before. */
export function halfRows(on: readonly Calls[], gone: readonly Calls[]): Row[] {
  return [
    ...onEach("half a line read before the start", STOP_IN_FOURTH, HALF_READ, on),
    ...onEach(
      "half a line read before the start by processes whose first threads have ended",
      `${STOP_IN_FOURTH} --leader-gone`,
      HALF_READ,
      gone,
    ),
  ];
}

export const HALF = halfRows(FOUR, [PIPE, PAIR]);

export const BITS_32: readonly Row[] = [
  ...grid(["pipe"], INTO_PIPE, OUT_OF_PIPE),
  ...grid(["socketpair"], ["write", "writev", ...SENDING], ["read", "readv", ...RECEIVING]),
].map((path) => row("32-bit processes", path, "--batch 3", { program: TRAFFIC_32 }));

/** Where the front end may be unable to hear; then it has to say so. */
export const HARD: readonly Row[] = [
  ...grid(["pipe", "socketpair", "fifo"], ["write"], ["splice", "io_uring"]),
  ...grid(["seqpacket", "dgram"], ["write", "send", "sendmsg"], ["read", "recv", "recvmsg"]),
].map((path) => row("", path, ""));
