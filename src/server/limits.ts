/** What bounds answers, requests and callers; a model's context and this process's memory pay for each. */

/** A list's length unless it is asked for another one, and at most. */
export const DEFAULT_ITEMS = 20;
export const MAX_ITEMS = 100;

/** JSON text of an answer's structured content, characters: some 8,000 tokens. Lists end earlier, with a cursor. */
export const MAX_ANSWER_CHARS = 30_000;
/** The short text beside it. */
export const MAX_TEXT_CHARS = 6000;

/** Of one message's text in get_call: unless asked for, and at most. */
export const DEFAULT_MESSAGE_CHARS = 2000;
export const MAX_MESSAGE_CHARS = 20_000;
/** Messages and effects of one call. */
export const MAX_CALL_MESSAGES = 50;
export const MAX_CALL_EFFECTS = 100;
/** A command line, path or error text within a list. */
export const MAX_FIELD_CHARS = 400;

/** Groups of each kind in explain_failures. */
export const MAX_FAILURE_GROUPS = 15;

/** Sessions and calls that the resources list; changes are told of these. */
export const LISTED_RESOURCES = 50;
/** URIs that one legacy session may subscribe to. */
export const MAX_SUBSCRIBED = 100;

/** A request's body over HTTP, or a line over stdio, bytes. */
export const MAX_REQUEST_BYTES = 1 << 20;
/** Requests that are being answered at once. */
export const MAX_IN_FLIGHT = 256;
/** Legacy sessions over HTTP; the one unused longest makes room. */
export const MAX_SESSIONS = 512;
/** A legacy session that nobody uses for so long ends. */
export const SESSION_IDLE_MS = 3_600_000;
/** Event streams that are open in the modern era. */
export const MAX_STREAMS = 256;
/** What waits for a client that does not read its event stream, bytes; beyond that the stream ends. */
export const MAX_WAITING_BYTES = 256 << 10;
/** A connection without any traffic ends after so long, s; streams are kept alive more often than that. */
export const IDLE_SECONDS = 60;
export const KEEP_ALIVE_MS = 15_000;

/** How often the database is asked for news, while somebody wants to know of them. */
export const POLL_MS = 1000;
