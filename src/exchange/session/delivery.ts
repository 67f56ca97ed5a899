/** Puts one message of a session in its place: roles, pairing, chain, durations, flags. */
import type { Party } from "../../capture/types.ts";
import type { Flag } from "../../framing/types.ts";
import type { Message } from "../../message/types.ts";
import { isProcess } from "../../party.ts";
import { Call } from "../call/call.ts";
import { Chains } from "../call/chains.ts";
import { elapsedMs } from "../call/durations.ts";
import { valueKey } from "../call/id-key.ts";
import { targetOf } from "../call/target.ts";
import { createdTaskId, Tasks } from "../call/tasks.ts";
import { asObject, metaOf } from "../json.ts";
import type {
  CallLine,
  CallOutcome,
  ExchangeItem,
  MessageLine,
  NoiseLine,
  RequestSummary,
  SessionLine,
} from "../types.ts";
import { findCall } from "./attachments.ts";
import { learnFromRequest, learnFromResult } from "./handshake.ts";
import { isHeaderMismatch } from "./http/header-mismatch.ts";
import { assignParties } from "./parties.ts";
import {
  type Certainty,
  INFERRED,
  opensSession,
  STATED,
  senderRole,
  statesClient,
} from "./roles.ts";
import type { SessionState, Side } from "./session-state.ts";
import type { NoiseSum } from "./untold-noise.ts";

/** A session that changes its names more often than this is no longer announced each time. */
const MAX_UPDATES = 32;
const BATCH_VERSION = "2025-03-26";

/** Appends the lines that the message makes. `listenNs`: sessions of processes that began later are whole. */
export function deliver(
  side: Side,
  message: Message,
  listenNs: number | undefined,
  out: ExchangeItem[],
): void {
  const state = side.state;
  const isAnswer = message.method === undefined;
  const call = isAnswer ? takeCall(side, message) : undefined;
  let changed = updateRoles(side, message);
  if (!isAnswer) changed = learnFromRequest(state.session, message) || changed;
  else if (message.type === "response") {
    changed = learnFromResult(state.session, message, call) || changed;
  }
  announce(state, message, changed, listenNs, out);
  if (message.type === "request") state.requestsSeen = true;
  if (isAnswer) deliverAnswer(side, message, call, out);
  else deliverRequest(side, message, out);
}

/** The call that the answer is for. Over HTTP clients of one session may use the same ids: the answer's own request first. */
function takeCall({ peer }: Side, message: Message): Call | undefined {
  const { idText, frame } = message;
  if (idText === undefined) return undefined;
  const result = message.type === "response" ? message.body : undefined;
  const place = frame.http;
  if (place === undefined || place.side === "request") return peer.calls.take(idText, result);
  const asked = peer.calls.takeAt(place.exchange, idText);
  // a stream that was opened by GET brings answers to what was asked elsewhere
  if (asked !== undefined || place.exchange.request?.method === "POST") return asked;
  return peer.calls.take(idText, result);
}

function deliverRequest(side: Side, message: Message, out: ExchangeItem[]): void {
  const state = side.state;
  const reference = findCall(side, message);
  const target = targetOf(message) ?? reference?.target;
  let chain = reference?.chain;
  if (message.type === "request" && message.idText !== undefined) {
    chain = state.chains?.continue(message, target) ?? chain;
    const method = message.method ?? "";
    const token = valueKey(metaOf(message.body)?.progressToken);
    side.calls.add(new Call(message, message.idText, method, target, chain, token));
  }
  state.messages++;
  out.push({
    kind: "message",
    message,
    session: state.session,
    seq: state.messages,
    from: message.frame.sender ?? message.frame.channel.writer,
    to: message.frame.reader,
    direction: directionOf(side),
    request: undefined,
    target,
    callId: reference?.idText,
    chain,
    durationMs: undefined,
    serverMs: undefined,
    queuedMs: elapsedMs(message.frame.sentNs, message.frame.timeNs),
    flags: flagsOf(side, message, target, undefined),
  } satisfies MessageLine);
}

function deliverAnswer(
  side: Side,
  message: Message,
  call: Call | undefined,
  out: ExchangeItem[],
): void {
  const state = side.state;
  const frame = message.frame;
  const isAmbiguous = call?.isAmbiguous === true;
  // of which request, is not known: then no time is
  const asked = isAmbiguous ? undefined : call?.message.frame;
  const outcome = call?.cancelled === true ? "cancelled" : answerOutcome(message);
  let chain = call?.chain;
  if (call !== undefined && outcome === "input_required") {
    state.chains ??= new Chains();
    chain = state.chains.await(call, message.body);
  }
  const durationMs = elapsedMs(asked?.sentNs ?? asked?.timeNs, frame.timeNs);
  const serverMs = elapsedMs(asked?.timeNs, frame.sentNs);
  state.messages++;
  out.push({
    kind: "message",
    message,
    session: state.session,
    seq: state.messages,
    from: frame.sender ?? frame.channel.writer,
    to: frame.reader,
    direction: directionOf(side),
    request: call === undefined ? undefined : requestSummary(call),
    target: call?.target,
    callId: undefined,
    chain,
    durationMs,
    serverMs,
    queuedMs: elapsedMs(frame.sentNs, frame.timeNs),
    flags: flagsOf(side, message, undefined, pairingFlag(call)),
  } satisfies MessageLine);
  if (call === undefined) return;
  rememberTask(state, message, call);
  out.push({
    kind: "call",
    session: state.session,
    direction: directionOf(side.peer),
    request: call.message,
    response: message,
    method: call.method,
    target: call.target,
    outcome,
    chain,
    progressCount: call.progressCount,
    logCount: call.logCount,
    timeNs: frame.timeNs,
    durationMs,
    serverMs,
    ...(isAmbiguous ? { isAmbiguous } : {}),
  } satisfies CallLine);
}

function pairingFlag(call: Call | undefined): Flag | undefined {
  if (call === undefined) return "unmatched_response";
  return call.isAmbiguous ? "ambiguous_id" : undefined;
}

/** A call that will not be answered any more. `side` is the direction of its request. */
export function unansweredCall(side: Side, call: Call, timeNs: number): CallLine {
  return {
    kind: "call",
    session: side.state.session,
    direction: directionOf(side),
    request: call.message,
    response: undefined,
    method: call.method,
    target: call.target,
    outcome: lastOutcome(side, call),
    chain: call.chain,
    progressCount: call.progressCount,
    logCount: call.logCount,
    timeNs,
    durationMs: undefined,
    serverMs: undefined,
    ...(call.isAmbiguous ? { isAmbiguous: true } : {}),
  };
}

function lastOutcome(side: Side, call: Call): CallOutcome {
  if (call.cancelled) return "cancelled";
  return call.message.frame.timeNs <= side.deafUntilNs ? "unheard" : "unanswered";
}

/** What was said in a direction beside its messages, where it is time to tell of it. `nowNs` Infinity: all of it. */
export function tellNoise(state: SessionState, nowNs: number, out: ExchangeItem[]): void {
  if (!state.started) return;
  for (const side of [state.first, state.second]) {
    const sum = side.noise.take(nowNs);
    if (sum !== undefined) out.push(noiseLine(side, sum));
  }
}

function noiseLine(side: Side, sum: NoiseSum): NoiseLine {
  const { session } = side.state;
  const { writer, reader } = sum.channel;
  const direction = directionOf(side);
  const [from, to] = [writer ?? side.party, reader ?? side.peer.party];
  // of blanks nobody knows the time
  const timeNs = sum.text === "" ? side.state.lastNs : sum.timeNs;
  return { kind: "noise", session, direction, from, to, ...sum, timeNs };
}

export function sessionLine(
  state: SessionState,
  event: SessionLine["event"],
  timeNs: number,
  openCalls: number,
): SessionLine {
  const { messages } = state;
  // lines are written a batch later: as it is now, not as it will be then
  const client = copyOf(state.session.client);
  const server = copyOf(state.session.server);
  const session = { ...state.session, client, server };
  return { kind: "session", event, session, timeNs, messages, openCalls };
}

function copyOf(party: Party | undefined): Party | undefined {
  return party === undefined ? undefined : { ...party };
}

function requestSummary({ method, message, target }: Call): RequestSummary {
  const { paramsText, unfit, isLineSafe } = message;
  return { method, paramsText, target, unfit: unfit?.params, isLineSafe };
}

function rememberTask(state: SessionState, message: Message, call: Call): void {
  if (message.type !== "response") return;
  const taskId = createdTaskId(message.body);
  // tasks/get answers describe a task, too; they did not create it
  if (taskId === undefined || call.method.startsWith("tasks/")) return;
  state.tasks ??= new Tasks();
  state.tasks.add(taskId, call);
}

function answerOutcome(message: Message): CallOutcome {
  if (message.type === "error") return "error";
  const result = asObject(message.body);
  if (result === undefined) return "ok";
  if (result.isError === true) return "tool_error";
  return result.resultType === "input_required" ? "input_required" : "ok";
}

/** Says that the session began, or what is new about it, before the message that tells it. */
function announce(
  state: SessionState,
  message: Message,
  changed: boolean,
  listenNs: number | undefined,
  out: ExchangeItem[],
): void {
  const timeNs = message.frame.timeNs;
  if (!state.started) {
    state.started = true;
    state.left = undefined;
    state.session.lateAttach = !isSeenFromStart(state, message, listenNs);
    out.push(sessionLine(state, "start", timeNs, 0));
    return;
  }
  // a server may log before it is asked anything: its session is whole all the same
  const begins = opensSession(message) && message.type === "request" && !state.requestsSeen;
  const wasLate = state.session.lateAttach;
  if (begins) state.session.lateAttach = false;
  if (!changed && !(begins && wasLate)) return;
  const left = copyOf(state.left);
  state.left = undefined;
  if (state.updates++ < MAX_UPDATES)
    out.push({ ...sessionLine(state, "update", timeNs, state.openCalls), left });
}

function isSeenFromStart(
  state: SessionState,
  message: Message,
  listenNs: number | undefined,
): boolean {
  if (message.type === "request" && statesClient(message)) return true;
  if (listenNs === undefined) return false;
  const { client, server } = state.session;
  return beganAfter(client, listenNs) || beganAfter(server, listenNs);
}

function beganAfter(party: Party | undefined, timeNs: number): boolean {
  return isProcess(party) && party.startNs >= timeNs;
}

/** Returns true when client or server is somebody else than before. */
function updateRoles(side: Side, message: Message): boolean {
  const state = side.state;
  if (state.certainty !== STATED) {
    const role = senderRole(message);
    const certainty = certaintyOf(role);
    if (certainty > state.certainty) {
      state.certainty = certainty;
      state.client = role > 0 ? side : side.peer;
    }
  }
  return assignParties(state);
}

function certaintyOf(role: number): Certainty {
  switch (Math.abs(role)) {
    case 4:
      return 4;
    case 3:
      return 3;
    case 2:
      return 2;
    default:
      return 1;
  }
}

export function directionOf(side: Side): "client-to-server" | "server-to-client" {
  return side === side.state.client ? "client-to-server" : "server-to-client";
}

function flagsOf(
  side: Side,
  message: Message,
  target: string | undefined,
  pairing: Flag | undefined,
): readonly Flag[] {
  const state = side.state;
  const version = state.session.protocolVersion;
  const illegalBatch =
    message.batch !== undefined && version !== undefined && version !== BATCH_VERSION;
  const unknownMethod = isUnknownMethod(side, message);
  const guessed = state.certainty < INFERRED && state.session.lateAttach;
  const mismatch = isHeaderMismatch(message, target);
  if (!illegalBatch && !unknownMethod && pairing === undefined && !guessed && !mismatch) {
    return message.flags;
  }
  const flags: Flag[] = [...message.flags];
  if (illegalBatch) flags.push("illegal_batch");
  if (unknownMethod) flags.push("unknown_method");
  if (pairing !== undefined) flags.push(pairing);
  if (guessed) flags.push("late_attach");
  if (mismatch) flags.push("header_mismatch");
  return flags;
}

/** In no dated version of MCP, or not in this direction. JSON-RPC that is not MCP has no such list. */
function isUnknownMethod(side: Side, message: Message): boolean {
  const state = side.state;
  if (message.method === undefined || (state.verdict !== "mcp" && state.verdict !== "presumed")) {
    return false;
  }
  if (!message.knownMethod) return true;
  const roles = message.senderRoles;
  if (roles === undefined || roles === "both" || state.certainty < INFERRED) return false;
  return (roles === "client") !== (side === state.client);
}
