/** What the kernel side reports, decoded: processes, channels, and what moved through them. */
import type { FileChangeEvent } from "./files/types.ts";
import type { MappedEvent, TlsUserEvent } from "./tls/types.ts";

/** One process from its exec to its exit. The same object stands for it everywhere; `pid` alone never identifies one. */
export interface Process {
  readonly pid: number;
  /** Start, CLOCK_BOOTTIME ns; pid and start together are unique on a boot. */
  readonly startNs: number;
  /** Name of the group leader (TASK_COMM_LEN − 1 = 15 bytes at most), as of its last event. */
  comm: string;
  /** argv; empty when the process was gone before it could be read. */
  commandLine: readonly string[];
  /** Id of its container (64 hex digits, or a pod runtime's name), from its cgroup path. */
  containerId: string | undefined;
  /** Set once the process has ended. */
  exit: ProcessExit | undefined;
  /** Where its standard input, output and error lead, as its program was given them; undefined: not known. */
  readonly streams?: StandardStreams | undefined;
  /** Pids of those that it descends from, its parent first, as of when it was met; as far as they are known. */
  readonly ancestors?: readonly number[] | undefined;
  /** Process group, as of when it was met. */
  readonly groupId?: number | undefined;
}

/** undefined: closed. */
export type StandardStreams = readonly [
  input: StandardStream | undefined,
  output: StandardStream | undefined,
  error: StandardStream | undefined,
];

export interface StandardStream {
  readonly kind: "pipe" | "socket" | "terminal" | "file" | "null" | "other";
  /** Inode number of the pipe, or of the process's own socket; of other kinds nobody asks. */
  readonly inode: number;
}

export interface ProcessExit {
  readonly timeNs: number;
  /** exit(2) status, or undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: number | undefined;
}

/** Another machine, or a process that cannot be seen from here: all that is known is its address. One object an address. */
export interface Host {
  /** "10.0.0.5", "2001:db8::1"; an IPv4-mapped one as IPv4. */
  readonly address: string;
}

/** Who speaks or hears. */
export type Party = Process | Host;

/** One end of a TCP connection, as that end sees it. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export type ChannelKind =
  | "pipe"
  | "fifo"
  | "unix-stream"
  | "unix-seqpacket"
  | "unix-dgram"
  | "tcp"
  | "tls";

/**
 * One direction of a pipe, a Unix socket or a TCP connection: bytes go in at one end and come out, in order, at the other.
 * The same object stands for it everywhere, so it may be used as a Map key.
 */
export interface Channel {
  /** Unique in a run of the tool; short and printable ("pipe:4711", "unix:815-2"). */
  readonly id: string;
  readonly kind: ChannelKind;
  /** Inode number of the pipe, or of the receiving socket. */
  readonly inode: number;
  /** Sockets: the channel of the opposite direction, once that has been seen. */
  reverse: Channel | undefined;
  /** Its first bytes may have moved before the tool listened: position 0 may be inside a line. */
  readonly late?: boolean;
  /** What its first writes begin with, a line each, as far as nobody had read from it by then; else its first read. */
  readonly opening?: string | undefined;
  /** Who read from it last, and who wrote last; undefined until known. */
  reader: Party | undefined;
  writer: Party | undefined;
  /** TCP: the ends that write and read. */
  readonly from?: Endpoint | undefined;
  readonly to?: Endpoint | undefined;
  /** No write is known by its position, only who wrote last. */
  readonly unplaced?: boolean;
  /** What was moved went uncounted for a while. */
  readonly uncounted?: boolean;
  /** The write that brought the byte at this position, once its note was heard. */
  noteAt?(position: number): WriteNote | undefined;
  /** Who writes, when no note says so. */
  likelyWriter?(): Party | undefined;
  /** Which standard descriptor of its writer it is (isFed: whose input is a pipe or socket, too); undefined: not known. */
  writtenAs?(): Readonly<Record<"isOutput" | "isError" | "isFed", boolean>> | undefined;
  /** Whether what is written to the stream goes into this channel. */
  isFedBy?(stream: StandardStream): boolean;
  /** Whether somebody else than who reads and writes holds an end too, and may go on when they are gone. */
  readonly heirs?: Heirs | undefined;
}

/** As of the last look at all open files. */
export interface Heirs {
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

/** A write, as its note says. */
export interface WriteNote {
  readonly writer: Process;
  /** Return of the write, CLOCK_BOOTTIME ns. */
  readonly timeNs: number;
}

/** One record of the ring, decoded. Addresses are kernel addresses (their low 53 bits). */
export interface IoEvent {
  readonly kind: "data" | "note" | "eof" | "close" | "unseen" | "opaque" | "broken" | "uring";
  /** enum io_flag of bpf/event.h */
  readonly flags: number;
  readonly channel: number;
  readonly generation: number;
  readonly timeNs: number;
  /** data: bytes read from the channel so far, this call included; note: bytes written so far; eof: bytes that left it */
  readonly moved: number;
  /** bytes of the channel that found no room in the ring, before this record */
  readonly lost: number;
  /** TCP: bytes of the channel that were left out as other HTTP, before this record */
  readonly skipped: number;
  /** Start of the process, CLOCK_BOOTTIME ns. */
  readonly startNs: number;
  readonly peer: number;
  /** Inode of the other end's socket; 0 while nobody has accepted it. */
  readonly peerGeneration: number;
  /** Bytes that the record stands for; eof: bytes written that were not seen to leave the channel, negative when what
   * left lay in it before. */
  readonly len: number;
  readonly pid: number;
  readonly channelKind: ChannelKind;
  readonly comm: string;
  /** data: what was read; note: what one of a channel's first writes begins with. A view into the ring: valid only until
   * the batch is released. */
  readonly payload: Buffer;
}

/** What the kernel's entry of a channel knows: bytes since the channel has the entry, and who was at its ends. */
export interface ChannelEntry {
  readonly generation: number;
  readonly moved: number;
  readonly lost: number;
  readonly written: number;
  readonly unseen: number;
  /** 0: not known. */
  readonly readerPid: number;
  readonly readerStartNs: number;
  readonly writerPid: number;
  readonly writerStartNs: number;
  /** An end of it is one that the filters follow. */
  readonly wanted: boolean;
}

export interface ExecEvent {
  readonly kind: "exec";
  readonly pid: number;
  readonly timeNs: number;
  readonly startNs: number;
  readonly cgroupId: bigint;
  readonly comm: string;
  readonly commandLine: readonly string[];
  readonly streams?: StandardStreams | undefined;
}

/** A new process: until it execs it is what its parent is. */
export interface ForkEvent {
  readonly kind: "fork";
  readonly pid: number;
  readonly parentPid: number;
  readonly timeNs: number;
  readonly startNs: number;
  readonly cgroupId: bigint;
}

export interface ExitEvent {
  readonly kind: "exit";
  readonly pid: number;
  readonly timeNs: number;
  readonly startNs: number;
  /** As wait(2) has it: status << 8 | signal. */
  readonly status: number;
}

/** Where the ends of a TCP channel are; comes before its first other record. */
export interface SocketEvent {
  readonly kind: "socket";
  readonly timeNs: number;
  readonly channel: number;
  readonly generation: number;
  /** The channel of the other direction. */
  readonly reverse: number;
  readonly reverseGeneration: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Bytes had moved before: the first record may begin inside a message. */
  readonly late: boolean;
}

/** A TLS connection of a process; before its first other record, and again when its socket becomes known, or unknown. */
export interface TlsEvent {
  readonly kind: "tls";
  readonly timeNs: number;
  /** Of what the process reads; the next number is the channel of what it writes. */
  readonly channel: number;
  readonly generation: number;
  readonly pid: number;
  readonly startNs: number;
  readonly comm: string;
  /** False: the process is not followed, and nothing else is told of it. */
  readonly isHeard: boolean;
  readonly socket: TlsSocket | undefined;
}

/** By which socket a TLS connection goes. */
export interface TlsSocket {
  /** Its address. */
  readonly own: number;
  readonly inode: number;
  /** Address of the other end's, where that is known, and its inode; 0 while nobody has accepted it. */
  readonly peer: number | undefined;
  readonly peerInode: number;
  /** Whose the other end is, as far as its calls have told: it may be gone by now. */
  readonly peerOwner: { readonly pid: number; readonly startNs: number } | undefined;
  /** The other end is of this host. */
  readonly isLocal: boolean;
  readonly ownEnd: Endpoint;
  readonly peerEnd: Endpoint;
}

/** A connection, or an attempt, as it is at the moment: each event tells all that is known by then. */
export interface ConnectionEvent {
  readonly kind: "connection";
  /** "attempt": the SYN is about to be sent; "outcome": established, accepted or failed; "found": it was there already;
   * "gone": the socket is over, its end came before, and nobody accepted it. */
  readonly what: "attempt" | "outcome" | "end" | "found" | "gone";
  readonly timeNs: number;
  /** Address of the socket; with the start (of UDP, and the remote end) it names the connection. */
  readonly socket: number;
  /** Of the attempt; accepted: when it was established. */
  readonly startNs: number;
  readonly establishedNs: number | undefined;
  /** Who connected or accepted; 0: not known. */
  readonly pid: number;
  readonly ownerStartNs: number;
  readonly comm: string;
  readonly sent: number;
  readonly received: number;
  /** Of the socket; 0: nobody has accepted it. */
  readonly inode: number;
  /** Unix: address of the other end's socket, and who listens, or connected, there. */
  readonly peerSocket: number;
  readonly peerPid: number;
  readonly isAccepted: boolean;
  /** It was there when the tool began to listen. */
  readonly isBefore: boolean;
  /** The first FIN; Unix: `finReceived` when a read saw the end. */
  readonly finSent: boolean;
  readonly finReceived: boolean;
  /** An RST came. */
  readonly isReset: boolean;
  readonly isFailed: boolean;
  /** "found": no connection, but a socket that listens. */
  readonly listens: boolean;
  /** "ECONNREFUSED"; undefined: none. */
  readonly errno: string | undefined;
  /** TCP: state of the socket now, and before (include/net/tcp_states.h). */
  readonly state: number;
  readonly previous: number;
  /** Inode of the network namespace. */
  readonly netns: number;
  readonly family: "inet" | "inet6" | "unix";
  readonly socketType: "stream" | "dgram" | "seqpacket";
  readonly protocol: "tcp" | "udp" | "unix";
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Unix; "@" stands for the NUL that an abstract name begins with. "": it has none. */
  readonly path: string;
}

/** Bytes that tell names: what an outgoing TCP connection begins with, or what came from port 53. */
export interface PayloadEvent {
  readonly kind: "greeting" | "dns";
  readonly timeNs: number;
  readonly socket: number;
  /** Of the connection; 0: not known. */
  readonly startNs: number;
  /** A view into the ring: valid only until the batch is released. */
  readonly payload: Buffer;
}

/** What channels and processes do. */
export type StreamEvent = IoEvent | SocketEvent | TlsEvent | ForkEvent | ExecEvent | ExitEvent;

export type KernelEvent =
  | StreamEvent
  | ConnectionEvent
  | PayloadEvent
  | FileChangeEvent
  | MappedEvent
  | TlsUserEvent;

/** Finds the one object that stands for a process, and is told what becomes of it. */
export interface ProcessDirectory {
  at(pid: number, startNs: number, comm: string): Process;
  /** The process that a channel's entry names; undefined: pid 0, not known. */
  named(pid: number, startNs: number): Process | undefined;
  /** The process that has the pid now, if it was met. */
  running(pid: number): Process | undefined;
  fork(event: ForkEvent): void;
  exec(event: ExecEvent): void;
  /** The process that ended, if it was met. */
  exit(event: ExitEvent): Process | undefined;
}

/** A channel's state in the kernel at the end of a drain: what no record has said yet. */
export interface ChannelTotals {
  readonly kind: "totals";
  readonly channel: number;
  readonly generation: number;
  readonly lost: number;
  readonly timeNs: number;
}

/** A channel is closed: nobody holds its reading end, or its reader saw the end. */
export interface ChannelClosed {
  readonly kind: "closed";
  readonly channel: number;
  readonly generation: number;
  /** Bytes that were read and not heard, all in all. */
  readonly lost: number;
  readonly unreadBytes: number;
  /** Bytes that were read unseen: write notes say so, no read was heard. */
  readonly missedBytes: number;
  /** TCP: bytes that were left out, all in all. */
  readonly skipped?: number;
  readonly timeNs: number;
}

/** A channel at the end of the run: bytes lie in it that were written and that nobody has read. */
export interface ChannelLying {
  readonly kind: "lying";
  readonly channel: number;
  readonly generation: number;
  readonly bytes: number;
  readonly timeNs: number;
}

/** A channel that came and went and of which the ring had room for nothing. */
export interface ChannelUnheard {
  readonly kind: "unheard";
  readonly channel: number;
  readonly channelKind: ChannelKind;
  readonly entry: ChannelEntry;
  readonly unreadBytes: number;
  readonly timeNs: number;
}

/** A channel that was there before the tool listened, and what was found in it. */
export interface ChannelFound {
  readonly kind: "found";
  readonly channel: number;
  readonly generation: number;
  readonly peer: number;
  readonly peerGeneration: number;
  readonly channelKind: ChannelKind;
  readonly reader: Process | undefined;
  readonly writer: Process | undefined;
  /** Pipes: bytes that lay in it, written before. */
  readonly buffered: number;
}

/** Why bytes that moved are not in a message. Every summary prints all of them, zero included. */
export type LossReason =
  /** the ring was full: the tool could not keep up */
  | "ring_full"
  /** the reader's memory could not be read when its call returned */
  | "fault"
  /** one call moved more than 32 MiB or through more than 1,024 buffers */
  | "call_too_large"
  /** the start or the end of a line whose other part is in a gap */
  | "cut_by_gap"
  /** a line longer than the limit */
  | "line_too_long"
  /** a line of which a part was read before the tool listened */
  | "started_before_attach"
  /** the last line of the channel has no end */
  | "unfinished_line"
  /** left the channel without passing through a buffer (splice, io_uring) */
  | "unseen_read"
  /** written and never read */
  | "unread"
  /** heard, but dropped to keep the tool's memory within its bound */
  | "memory_limit";
