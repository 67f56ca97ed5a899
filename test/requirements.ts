/**
 * What overhear promises, each with the text that says how the other side behaves. A test that holds a promise has its
 * id in brackets in its title; test/unit/requirements.test.ts fails when one is held by none.
 */

export interface Requirement {
  readonly promise: string;
  /** Where it stands: a specification and its part, or a manual page. */
  readonly source: string;
}

const TRANSPORTS = "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports";
const TRANSPORT = `${TRANSPORTS}#stdio`;
const HTTP = `${TRANSPORTS}#streamable-http`;
const JSONRPC = "https://www.jsonrpc.org/specification";
const LATEST = "MCP schema 2026-07-28";

export const REQUIREMENTS: Readonly<Record<string, Requirement>> = {
  "stdio/lines": {
    promise: "A message is a line of UTF-8, however its bytes were cut by writes and reads.",
    source: TRANSPORT,
  },
  "stdio/noise": {
    promise: "A line that is no message is counted, and the next message is heard.",
    source: TRANSPORT,
  },
  "stdio/framings": {
    promise:
      "JSON over several lines, behind a head with its length, or without a line end is heard, flagged.",
    source: "LSP 3.17, base protocol; what readers of JSON accept",
  },
  "stdio/invalid-json": {
    promise: "A message that is no JSON is told as far as it can be read, with what is wrong.",
    source: "RFC 8259; what Python's json writes and reads",
  },
  "stdio/noise-told": {
    promise:
      "Text beside the messages of a session is shown, by who says it, and every byte of it is counted, the first as well.",
    source: `${TRANSPORT}: the server MUST NOT write anything to its stdout that is not a valid MCP message`,
  },
  "stdio/asked": {
    promise:
      "What a process answers by is heard when it is asked, whatever it printed before; what nobody listened to is said.",
    source: TRANSPORT,
  },
  "stdio/long-lines": {
    promise: "A line that never ends is bounded, reported, and the next message is heard.",
    source: TRANSPORT,
  },
  "stdio/relays": {
    promise:
      "What is sent to and from a container through Docker's daemon is heard at that hop, too.",
    source: "Docker Engine API, ContainerAttach",
  },
  "stdio/echo": {
    promise: "What a terminal sends back is told once, and is no message.",
    source: "termios(3), ECHO",
  },
  "stdio/pair": {
    promise: "A session is the two channels between one client and one server process.",
    source: TRANSPORT,
  },
  "stdio/shutdown": {
    promise: "A session's end says which end went first, with its exit code or signal.",
    source:
      "https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#shutdown, wait(2)",
  },
  "connections/outcome": {
    promise: "What is said of a connection's end, its bytes and its ends is what its program saw.",
    source: "tcp(7), udp(7), unix(7), connect(2)",
  },
  "connections/names": {
    promise:
      "A connection has the names that DNS, TLS and HTTP gave its address, each with its source.",
    source: "RFC 1035, 4; RFC 6066, 3; RFC 9110, 7.2",
  },
  "effects/tree": {
    promise: "A call has what its server's process tree did while it was open.",
    source: "docs/effects.md",
  },
  "effects/candidates": {
    promise: "What may be of several calls names them all, and none is guessed.",
    source: "docs/effects.md",
  },
  "effects/files": {
    promise: "With --files a call has the files that it created, wrote to, renamed and unlinked.",
    source: "docs/effects.md",
  },
  "effects/outlives": {
    promise: "A process that outlives its call stays with it.",
    source: "docs/effects.md",
  },
  "http/cuts": {
    promise: "Exchanges are the same however both directions were cut by writes and reads.",
    source: "RFC 9112",
  },
  "http/accounts": {
    promise: "Messages, other HTTP, skipped and lost bytes add up to what was moved, each way.",
    source: "docs/capture.md",
  },
  "http/resync": {
    promise: "Behind bytes that were not heard the next exchange is.",
    source: "docs/capture.md",
  },
  "http/ambiguous": {
    promise: "What two parsers may read differently is flagged, and the next exchange heard.",
    source: "RFC 9112, 5.1, 5.2, 6.3, 7.1 and 11.2",
  },
  "http/events": {
    promise: "A server-sent event is read as browsers do, as soon as it is complete.",
    source:
      "https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream",
  },
  "http/bombs": {
    promise: "A body that would become too long when decoded is lost, and reported.",
    source: "RFC 9110, 8.4",
  },
  "http/hostile": {
    promise: "Slow, long and endless input is bounded, reported, and the next connection heard.",
    source: "RFC 9112, 9.5 and 11.5",
  },
  "http/linear": {
    promise: "The cost of an event does not grow with its stream.",
    source: HTTP,
  },
  "http/framing": {
    promise: "A body is found where its head says, however its bytes were cut by writes and reads.",
    source: "RFC 9112, sections 6 and 7",
  },
  "http/session": {
    promise:
      "A session is what carries its Mcp-Session-Id, on any connection, until DELETE or 404.",
    source: `${TRANSPORTS}#session-management`,
  },
  "http/stateless": {
    promise:
      "Without an id a session is what one client says to one server, and an answer is its own request's.",
    source: "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports",
  },
  "http/resume": {
    promise: "What a resumed stream brings again is told once, and the answer it brings is paired.",
    source: `${TRANSPORTS}#resumability-and-redelivery`,
  },
  "http/endpoint": {
    promise: "POSTs to the URI that an event stream named are of that stream's session.",
    source:
      "https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse",
  },
  "http/headers": {
    promise: "Headers that say something else than the body are flagged.",
    source: "MCP 2026-07-28, basic/transports: Mcp-Method, Mcp-Name",
  },
  "http/failure": {
    promise: "An exchange that carries no JSON-RPC, or was cut, is a line of its own.",
    source: `${TRANSPORTS}#sending-messages-to-the-server`,
  },
  "capture/tcp": {
    promise: "Every call that moves bytes through a TCP connection of this host is heard.",
    source: "tcp(7), ip(7), ipv6(7), sendfile(2), recvmmsg(2)",
  },
  "http2/framing": {
    promise: "Requests, answers and events over HTTP/2 are heard as over HTTP/1.1.",
    source: "RFC 9113",
  },
  "http2/headers": {
    promise: "Heads are decoded with their table, in which no credential is kept.",
    source: "RFC 7541, 6 and C",
  },
  "http2/streams": {
    promise: "Of any number of streams at a time, each message is told once, in its own exchange.",
    source: "RFC 9113, 5",
  },
  "http2/cuts": {
    promise:
      "Exchanges are the same however streams are cut into frames, and frames by writes and reads.",
    source: "RFC 9113, 4 and 6",
  },
  "http2/accounts": {
    promise:
      "Messages, other bytes and lost ones add up to what was moved, whatever the frames are.",
    source: "docs/capture.md",
  },
  "http2/late": {
    promise:
      "Messages of a connection that was there before are heard, flagged where heads are not known.",
    source: "docs/capture.md",
  },
  "http2/resync": {
    promise: "Behind bytes of HTTP/2 that were not heard the next exchange is.",
    source: "docs/capture.md",
  },
  "http2/other": {
    promise: "A connection of HTTP/2 on which nothing looks like MCP is set aside.",
    source: "docs/capture.md",
  },
  "http2/bounds": {
    promise: "No peer makes streams, heads or tables grow beyond their bounds.",
    source: "RFC 9113, 10.5; CVE-2023-44487, CVE-2024-27316",
  },
  "http2/hostile": {
    promise: "Frames that are none are passed over, and the next call is heard.",
    source: "RFC 9113, 5.4",
  },
  "http2/linear": {
    promise: "Time grows with the bytes, however they are framed.",
    source: "RFC 9113, 10.5",
  },
  "capture/http2": {
    promise: "Real programs' HTTP/2 is heard once, in the clear and inside TLS, with both ends.",
    source: "RFC 9113, 3",
  },
  "capture/http": {
    promise: "MCP over HTTP is heard whatever calls move it; other HTTP is left alone.",
    source: `${HTTP}#streamable-http`,
  },
  "capture/network": {
    promise:
      "A connection between network namespaces is heard once, from both ends; to another host, from this one.",
    source: "network_namespaces(7), veth(4)",
  },
  "jsonrpc/id": {
    promise: "Ids are typed: 1 and the string 1 are two.",
    source: `${JSONRPC}#request_object, MCP schema RequestId`,
  },
  "jsonrpc/answer": {
    promise:
      "An answer belongs to the request with its id, in its session, in the other direction.",
    source: `${JSONRPC}#response_object`,
  },
  "jsonrpc/batch": {
    promise: "A batch is split; where the version has none it is flagged.",
    source: `${JSONRPC}#batch, MCP schema 2025-03-26 JSONRPCBatchRequest`,
  },
  "jsonrpc/verbatim": {
    promise: "Numbers, key order and odd strings come out as they went over the wire.",
    source: "RFC 8259, sections 4, 6 and 7",
  },
  "jsonrpc/others": {
    promise: "JSON-RPC that is not MCP is left out by default.",
    source: "https://microsoft.github.io/language-server-protocol/",
  },
  "mcp/methods": {
    promise: "A method is known in just the versions and directions that have it.",
    source: "MCP schemas 2024-11-05 to 2026-07-28",
  },
  "mcp/initialize": {
    promise: "The handshake names version, client, server and capabilities.",
    source:
      "https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization",
  },
  "mcp/discover": {
    promise: "A modern session takes its version from server/discover, or from a request's _meta.",
    source: `${LATEST}, DiscoverRequest and RequestMetaObject`,
  },
  "mcp/progress": {
    promise: "Progress belongs to the call that gave its token.",
    source: "https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/progress",
  },
  "mcp/cancelled": {
    promise:
      "A cancellation belongs to its call; an answer that comes later still pairs, and it stays cancelled.",
    source: "https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation",
  },
  "mcp/equal-ids": {
    promise:
      "Of calls with one id in flight the one whose result it can be is answered; else no duration is stated.",
    source: "docs/ndjson.md, flags",
  },
  "mcp/waits": {
    promise: "A call that waits for long is told once, while it waits.",
    source: "docs/ndjson.md, waiting",
  },
  "mcp/unanswered": {
    promise: "The calls that a session leaves without an answer are named at its end.",
    source: "docs/ndjson.md, session",
  },
  "mcp/peer-loss": {
    promise: "What the peers left unread or unfinished is no loss of the tool's.",
    source: "docs/ndjson.md, loss",
  },
  "mcp/message": {
    promise: "A log message belongs to the only open call.",
    source: "MCP schema LoggingMessageNotification",
  },
  "mcp/input-required": {
    promise: "A call that asks for input is one chain over its new ids.",
    source: `${LATEST}, InputRequiredResult`,
  },
  "mcp/listen": {
    promise: "What a subscription delivers belongs to its listen.",
    source: `${LATEST}, SubscriptionsListenRequest`,
  },
  "capture/matrix": {
    promise: "Every call that moves bytes through a pipe or a Unix stream socket is heard.",
    source: "pipe(7), unix(7), readv(2), recvmmsg(2), splice(2), vmsplice(2)",
  },
  "capture/account": {
    promise: "Heard and lost bytes add up to what was read; no message comes twice.",
    source: "docs/capture.md",
  },
  "capture/unread": {
    promise: "Bytes that were written and never read are told, with who wrote them.",
    source: "docs/ndjson.md, loss",
  },
  "capture/order": {
    promise: "A request precedes its answer, and no duration is negative.",
    source: "docs/capture.md",
  },
  "capture/follow": {
    promise: "Filters hear both directions of every channel with an end in the chosen processes.",
    source: "docs/cli.md",
  },
  "output/contract": {
    promise: "Every line is valid by the published schema.",
    source: "docs/ndjson.schema.json",
  },
  "output/readers": {
    promise:
      "Nothing that a peer sends makes a line that jq 1.6, Python's json or Go's encoding/json does not read.",
    source:
      "https://github.com/jqlang/jq/blob/jq-1.6/src/jv_parse.c, https://docs.python.org/3/library/json.html, https://pkg.go.dev/encoding/json",
  },
  "output/terminal": {
    promise: "Nothing from the wire reaches a terminal as more than text, nor forges a line.",
    source: "ECMA-48, Unicode UAX #9",
  },
  "output/secrets": {
    promise: "With --redact secrets are masked before anything is written.",
    source: "docs/redaction.md",
  },
  "output/reader-gone": {
    promise: "A reader that goes away ends the run at once.",
    source: "pipe(7), EPIPE",
  },
  "output/rotate": {
    promise: "SIGHUP opens the output anew.",
    source: "logrotate(8)",
  },
  "output/history": {
    promise: "A history holds what NDJSON holds, and replays as it does.",
    source: "docs/history.md",
  },
  "output/history-clock": {
    promise: "When the wall clock is set, all is kept, in order, and no time taken is wrong.",
    source: "docs/history.md, clock_gettime(2)",
  },
  "output/history-full": {
    promise: "A full disk holds nobody up, what is missing is counted, and it goes on with room.",
    source: "docs/history.md",
  },
  "output/history-kill": {
    promise: "A kill leaves a history whole, with all that was stored until then.",
    source: "https://sqlite.org/wal.html",
  },
  "replay/equal": {
    promise: "A recording replayed gives the lines of the live run.",
    source: "docs/cli.md",
  },
  "server/conformance": {
    promise: "It is an MCP server as both dated revisions require.",
    source: "@modelcontextprotocol/conformance, requirements/*.yaml",
  },
  "server/question": {
    promise:
      "An agent learns which tool call opened a connection to a host, what it sent, and what it waited for.",
    source: "docs/mcp-server.md, tools",
  },
  "server/bounded-answers": {
    promise: "No answer is longer than a model's context bears, and a cursor goes on behind it.",
    source: "docs/mcp-server.md, tools",
  },
  "server/secrets": {
    promise: "Secrets of the heard traffic are masked in answers, unless --no-redact is given.",
    source: "docs/mcp-server.md, what is not shown",
  },
  "server/who-may-ask": {
    promise: "Pages of other sites, other addresses without a token and wrong tokens are refused.",
    source:
      "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning",
  },
  "server/plain": {
    promise: "The plain requests of mcp-ebpf are answered with its field names and types.",
    source: "https://github.com/srodi/mcp-ebpf, README",
  },
  "server/not-itself": {
    promise: "What an agent and overhear mcp say to each other is in no answer, and counted.",
    source: "docs/mcp-server.md, what is not shown",
  },
};
