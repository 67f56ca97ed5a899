/** Rows of what was heard, as they go from the capture's thread to the one that writes them. */

export type Cell = string | number | null;

/** How a text is searched for secrets, where they are to be masked: as plain text, as JSON text, as a command line's JSON. */
export type Masking = "text" | "json" | "argv" | "body";

/** Columns in the order of a row's cells; those that may hold secrets say how to mask them. */
type Columns = Readonly<Record<string, Masking | undefined>>;

/** Tables whose rows are written as they come; a row of the same id takes the place of one before. */
export const PLAIN_TABLES = {
  parties: {
    id: undefined,
    segment_id: undefined,
    name: "text",
    pid: undefined,
    start_us: undefined,
    comm: "text",
    command_line: "argv",
    container_id: undefined,
    exit_us: undefined,
    exit_code: undefined,
    exit_signal: undefined,
    address: undefined,
  },
  channels: {
    id: undefined,
    segment_id: undefined,
    name: undefined,
    kind: undefined,
    from_address: undefined,
    from_port: undefined,
    to_address: undefined,
    to_port: undefined,
  },
  sessions: {
    id: undefined,
    segment_id: undefined,
    run_id: undefined,
    name: undefined,
    transport: undefined,
    client_id: undefined,
    server_id: undefined,
    client_name: "text",
    client_version: "text",
    server_name: "text",
    server_version: "text",
    host: "text",
    http_session_id: "text",
    protocol_version: "text",
    era: undefined,
    client_capabilities: "json",
    server_capabilities: "json",
    late_attach: undefined,
    start_us: undefined,
    end_us: undefined,
    end_reason: "text",
    messages: undefined,
    calls: undefined,
    failed_calls: undefined,
  },
  session_events: {
    id: undefined,
    session_id: undefined,
    event: undefined,
    time_us: undefined,
    client_id: undefined,
    server_id: undefined,
    messages: undefined,
    open_calls: undefined,
    left_id: undefined,
  },
  exchanges: {
    id: undefined,
    segment_id: undefined,
    number: undefined,
    start_us: undefined,
    request_channel_id: undefined,
    response_channel_id: undefined,
    method: "text",
    path: "text",
    host: "text",
    request_version: "text",
    request_session_id: "text",
    request_protocol_version: "text",
    mcp_method: "text",
    mcp_name: "text",
    status: undefined,
    response_version: "text",
    content_type: "text",
    response_session_id: "text",
    response_protocol_version: "text",
  },
  http: {
    id: undefined,
    time_us: undefined,
    session_id: undefined,
    exchange_id: undefined,
    from_id: undefined,
    to_id: undefined,
    outcome: undefined,
    flags: undefined,
  },
  messages: {
    id: undefined,
    session_id: undefined,
    time_us: undefined,
    seq: undefined,
    from_client: undefined,
    type: undefined,
    rpc_id: "json",
    method: "text",
    target: "text",
    from_id: undefined,
    to_id: undefined,
    channel_id: undefined,
    exchange_id: undefined,
    http_place: undefined,
    event_id: "text",
    queued_us: undefined,
    bytes: undefined,
    batch_index: undefined,
    batch_size: undefined,
    flags: undefined,
    call_id: undefined,
    is_cut: undefined,
    body: "body",
    other_readers: "json",
  },
  noise: {
    id: undefined,
    session_id: undefined,
    time_us: undefined,
    from_client: undefined,
    channel_id: undefined,
    from_id: undefined,
    to_id: undefined,
    text: "text",
    lines: undefined,
    bytes: undefined,
    holds_message: undefined,
  },
  coverage: {
    id: undefined,
    time_us: undefined,
    reason: "text",
    count: undefined,
    bytes: undefined,
    channel_id: undefined,
    from_id: undefined,
    to_id: undefined,
    party_id: undefined,
  },
  losses: {
    id: undefined,
    time_us: undefined,
    reason: undefined,
    bytes: undefined,
    channel_id: undefined,
    from_id: undefined,
    to_id: undefined,
  },
  connection_events: {
    id: undefined,
    connection_id: undefined,
    event: undefined,
    time_us: undefined,
    outcome: undefined,
    sent_bytes: undefined,
    received_bytes: undefined,
  },
} as const satisfies Readonly<Record<string, Columns>>;

export type PlainTable = keyof typeof PLAIN_TABLES;

export const PLAIN_NAMES: readonly PlainTable[] = [
  "parties",
  "channels",
  "exchanges",
  "sessions",
  "session_events",
  "messages",
  "http",
  "noise",
  "coverage",
  "losses",
  "connection_events",
];

/** A call as it is known now: a later row of the same id takes its place. */
export interface CallRow {
  readonly id: number;
  readonly sessionId: number;
  readonly server: string;
  readonly method: string;
  readonly target: string;
  readonly fromClient: boolean;
  readonly rpcId: string | null;
  /** "open" until it has ended. */
  readonly outcome: string;
  readonly startUs: number;
  readonly endUs: number | null;
  readonly durationUs: number | null;
  readonly serverUs: number | null;
  readonly errorCode: number | null;
  readonly errorText: string | null;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly responseId: number | null;
  readonly progress: number;
  readonly logs: number;
  readonly chain: string | null;
}

export interface ConnectionRow {
  readonly id: number;
  readonly event: "start" | "end" | "open";
  readonly name: string;
  readonly processId: number | null;
  readonly peerId: number | null;
  readonly pid: number | null;
  readonly comm: string | null;
  readonly containerId: string | null;
  readonly direction: string;
  readonly protocol: string;
  readonly family: string;
  readonly socketType: string;
  readonly localAddress: string | null;
  readonly localPort: number | null;
  readonly remoteAddress: string | null;
  readonly remotePort: number | null;
  readonly path: string | null;
  readonly hostName: string | null;
  readonly hostSource: string | null;
  /** JSON: [[name, source, when it was seen, µs], …], the latest last. */
  readonly names: string | null;
  readonly startUs: number;
  readonly startNs: number;
  readonly openBefore: boolean;
  readonly outcome: string;
  readonly errno: string | null;
  readonly established: boolean;
  readonly establishedUs: number | null;
  readonly latencyUs: number | null;
  readonly endUs: number | null;
  readonly lastedUs: number | null;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly closedBy: string | null;
  /** It has no row yet. */
  readonly isNew: boolean;
  /** Its outcome is told for the first time; its end: what the sums count once each. */
  readonly isTold: boolean;
  readonly isOver: boolean;
}

export interface EffectRow {
  readonly id: number;
  readonly callId: number;
  /** It came when the call had ended: of a process that outlives it. */
  readonly isLate: boolean;
  /** Of the call, for the sums. */
  readonly server: string;
  readonly method: string;
  readonly target: string;
  readonly timeUs: number;
  readonly kind: "exec" | "fork" | "connect" | "file";
  readonly processId: number | null;
  /** JSON. */
  readonly argv: string | null;
  readonly childId: number | null;
  readonly connectionId: number | null;
  /** Address or path, and the name it was reached by. */
  readonly host: string | null;
  readonly namedHost: string | null;
  readonly port: number | null;
  /** Of the connection, by then. */
  readonly outcome: string | null;
  readonly change: string | null;
  readonly path: string | null;
  readonly toPath: string | null;
  /** JSON: ids of calls. */
  readonly candidates: string | null;
}

/** What a segment holds so far. */
export interface SegmentRow {
  readonly id: number;
  readonly lastId: number;
  readonly startUs: number;
  readonly endUs: number;
  /** CLOCK_BOOTTIME: the age of a segment does not change when the wall clock is set. */
  readonly endNs: number;
  readonly sessions: number;
  readonly messages: number;
  readonly messageBytes: number;
  readonly calls: number;
  readonly failedCalls: number;
  readonly connections: number;
}

/** Rows of one segment, in order. */
export interface Batch {
  readonly segment: SegmentRow;
  /** All rows of a table in one array, cell after cell. */
  readonly plain: Readonly<Partial<Record<PlainTable, readonly Cell[]>>>;
  readonly calls: readonly CallRow[];
  readonly connections: readonly ConnectionRow[];
  readonly effects: readonly EffectRow[];
  /** session id, messages, calls, failed calls; again and again. */
  readonly counts: readonly number[];
  readonly ownSessions: number;
  /** Rows that found no room, since the run began. */
  readonly droppedRows: number;
  /** Rows in it, and what they take in memory, roughly. */
  readonly rows: number;
  readonly bytes: number;
}

/** The run's last words. */
export interface RunEnd {
  readonly endUs: number;
  readonly endedBy: string;
  readonly frontEnd: string | null;
  readonly kernel: string | null;
  readonly exact: boolean | null;
  /** JSON. */
  readonly summary: string;
  readonly droppedRows: number;
}
