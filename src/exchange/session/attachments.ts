/** Finds the call that a notification (or a request inside a task) belongs to, and counts it there. */
import type { Message } from "../../message/types.ts";
import { Call, type CallReference } from "../call/call.ts";
import { valueKey } from "../call/id-key.ts";
import { asObject, asText, type JsonObject, metaOf } from "../json.ts";
import type { Side } from "./session-state.ts";

const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";
const RELATED_TASK = "io.modelcontextprotocol/related-task";

/** `side` is the direction in which the message was sent. */
export function findCall(side: Side, message: Message): CallReference | undefined {
  const params = asObject(message.body);
  if (params === undefined) return undefined;
  switch (message.method) {
    case "notifications/progress":
      return countProgress(side, message, params);
    case "notifications/cancelled":
      return cancel(side, params);
    case "notifications/message":
      return countLog(side, message, params);
    case "notifications/tasks":
    case "notifications/tasks/status":
    case "tasks/get":
    case "tasks/result":
    case "tasks/update":
    case "tasks/cancel":
      return findTask(side, params.taskId) ?? findByMeta(side, params);
    default:
      return findByMeta(side, params);
  }
}

/** Progress is sent by who answers; its token was given by who asked. */
function countProgress(
  side: Side,
  message: Message,
  params: JsonObject,
): CallReference | undefined {
  const token = valueKey(params.progressToken);
  if (token === undefined) return undefined;
  const { calls } = side.peer;
  const place = message.frame.http?.exchange;
  const own = place === undefined ? undefined : calls.findByTokenAt(place, token);
  const call = own ?? calls.findByToken(token);
  if (call === undefined) return side.state.tasks?.findByToken(token);
  call.progressCount++;
  return call;
}

/** The caller cancels; a modern server ends a `subscriptions/listen` of its client the same way. Any other call of the
 * peer that has this id is another one: both count from 0, and the call that is meant has been answered meanwhile. */
function cancel(side: Side, params: JsonObject): CallReference | undefined {
  const key = valueKey(params.requestId);
  if (key === undefined) return undefined;
  const own = side.calls.find(key);
  const call = own ?? side.peer.calls.find(key);
  if (call === undefined || (own === undefined && call.method !== "subscriptions/listen")) {
    return undefined;
  }
  (own === undefined ? side.peer : side).calls.cancel(call);
  return call;
}

/** A log line without a reference belongs to the one call that is open, if there is just one: over HTTP in its exchange. */
function countLog(side: Side, message: Message, params: JsonObject): CallReference | undefined {
  const related = findByMeta(side, params);
  const reference = related ?? onlyCall(side, message);
  if (reference instanceof Call) reference.logCount++;
  return reference;
}

function onlyCall({ calls, peer }: Side, { frame }: Message): Call | undefined {
  const place = frame.http?.exchange;
  const own = place === undefined ? undefined : peer.calls.onlyAt(place);
  return own ?? (calls.open === 0 ? peer.calls.onlyOpen() : undefined);
}

function findByMeta(side: Side, params: JsonObject): CallReference | undefined {
  const meta = metaOf(params);
  if (meta === undefined) return undefined;
  const key = valueKey(meta[SUBSCRIPTION_ID] ?? meta.relatedRequestId);
  if (key !== undefined) return side.peer.calls.find(key);
  return findTask(side, asObject(meta[RELATED_TASK])?.taskId);
}

function findTask(side: Side, taskId: unknown): CallReference | undefined {
  const text = asText(taskId);
  return text === undefined ? undefined : side.state.tasks?.find(text);
}
