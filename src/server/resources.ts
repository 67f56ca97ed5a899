/** Resources: sessions and calls as JSON documents that a client can list, read, attach and watch. */
import {
  type McpServer,
  ResourceNotFoundError,
  ResourceTemplate,
  type Variables,
} from "@modelcontextprotocol/server";
import type { History } from "../store/types.ts";
import { fitPage } from "./answer.ts";
import { fitDetail } from "./call-detail.ts";
import {
  DEFAULT_MESSAGE_CHARS,
  LISTED_RESOURCES,
  MAX_ANSWER_CHARS,
  MAX_CALL_EFFECTS,
  MAX_CALL_MESSAGES,
} from "./limits.ts";
import { sessionLine } from "./lines.ts";
import { shapeCall, shapeSession } from "./shapes.ts";

export const SESSIONS_URI = "overhear://sessions";
export const CALLS_URI = "overhear://calls";
const JSON_TYPE = "application/json";

export function sessionUri(id: string): string {
  return `${SESSIONS_URI}/${encodeURIComponent(id)}`;
}

export function registerResources(server: McpServer, history: History): void {
  const newest = { before: undefined, limit: LISTED_RESOURCES };
  server.registerResource(
    "sessions",
    SESSIONS_URI,
    { title: "MCP sessions", description: "The newest sessions heard", mimeType: JSON_TYPE },
    () => {
      const { shapes } = fitPage(history.sessions({}, newest), shapeSession);
      return document(SESSIONS_URI, { sessions: shapes });
    },
  );
  server.registerResource(
    "calls",
    CALLS_URI,
    { title: "MCP calls", description: "The newest calls heard", mimeType: JSON_TYPE },
    () => {
      const { shapes } = fitPage(history.calls({}, newest), shapeCall);
      return document(CALLS_URI, { calls: shapes });
    },
  );
  server.registerResource(
    "session",
    new ResourceTemplate(`${SESSIONS_URI}/{id}`, {
      list: () => ({ resources: listSessions(history) }),
      complete: { id: (text) => sessionIds(history, text) },
    }),
    {
      title: "An MCP session",
      description: "One session with its newest calls",
      mimeType: JSON_TYPE,
    },
    (uri, variables) => document(uri.href, sessionDocument(history, uri, idOf(variables))),
  );
  server.registerResource(
    "call",
    new ResourceTemplate(`${CALLS_URI}/{id}`, {
      list: undefined,
      complete: { id: (text) => callIds(history, text) },
    }),
    {
      title: "An MCP call",
      description: "One call in full: what was sent and answered, and what it caused",
      mimeType: JSON_TYPE,
    },
    (uri, variables) => document(uri.href, callDocument(history, uri, idOf(variables))),
  );
}

function document(uri: string, content: Record<string, unknown>) {
  return { contents: [{ uri, mimeType: JSON_TYPE, text: JSON.stringify(content) }] };
}

function idOf({ id }: Variables): string {
  const text = (Array.isArray(id) ? id[0] : id) ?? "";
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function listSessions(history: History) {
  const { items } = history.sessions({}, { before: undefined, limit: LISTED_RESOURCES });
  return items.map((session) => ({
    uri: sessionUri(session.id),
    name: `session ${session.id}`,
    title: `${session.client.name} → ${session.server.name}`,
    description: sessionLine(session),
    mimeType: JSON_TYPE,
  }));
}

/** @throws ResourceNotFoundError */
function sessionDocument(history: History, uri: URL, id: string): Record<string, unknown> {
  const session = history.session(id);
  if (session === undefined) throw new ResourceNotFoundError(uri.href);
  const page = history.calls({ sessionId: id }, { before: undefined, limit: LISTED_RESOURCES });
  const shape = shapeSession(session);
  const room = MAX_ANSWER_CHARS - JSON.stringify(shape).length;
  const { shapes, nextCursor } = fitPage(page, shapeCall, room);
  return { session: shape, calls: shapes, more_calls: nextCursor !== undefined };
}

/** @throws ResourceNotFoundError */
function callDocument(history: History, uri: URL, id: string): Record<string, unknown> {
  const detail = history.call(id, {
    maxMessages: MAX_CALL_MESSAGES,
    maxEffects: MAX_CALL_EFFECTS,
    maxChars: DEFAULT_MESSAGE_CHARS,
  });
  if (detail === undefined) throw new ResourceNotFoundError(uri.href);
  return fitDetail(detail);
}

function sessionIds(history: History, text: string): string[] {
  const { items } = history.sessions({}, { before: undefined, limit: LISTED_RESOURCES });
  return items.map(({ id }) => id).filter((id) => id.startsWith(text));
}

function callIds(history: History, text: string): string[] {
  const { items } = history.calls({}, { before: undefined, limit: LISTED_RESOURCES });
  return items.map(({ id }) => id).filter((id) => id.startsWith(text));
}
