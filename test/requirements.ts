/**
 * What overhear promises, each with the text that says how the other side behaves. A test that holds a promise has its
 * id in brackets in its title; test/unit/requirements.test.ts fails when one is held by none.
 */

export interface Requirement {
  readonly promise: string;
  /** Where it stands: a specification and its part, or a manual page. */
  readonly source: string;
}

const TRANSPORT = "https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio";
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
  "stdio/long-lines": {
    promise: "A line that never ends is bounded, reported, and the next message is heard.",
    source: TRANSPORT,
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
    promise: "A cancellation belongs to its call; an answer that comes later still pairs.",
    source: "https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation",
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
  "replay/equal": {
    promise: "A recording replayed gives the lines of the live run.",
    source: "docs/cli.md",
  },
};
