/** The run's summary in, the last line out. */
import type {
  CaptureFacts,
  ConnectionStatistics,
  ConnectionTotals,
  NoiseStatistics,
  OpenCall,
  ShownTotals,
  Summary,
  ToolStatistics,
  UnansweredCall,
} from "../exchange/types.ts";
import { quote, stringify } from "./json-text.ts";
import { type LineContext, millis } from "./line-context.ts";

/** One line, without its "\n". */
export function renderSummary(summary: Summary, context: LineContext): string {
  return (
    `{"kind":"summary","timestamp":"${context.timestamp(summary.timeNs)}"` +
    `,"start":"${context.timestamp(summary.startNs)}"${millis("duration_ms", summary.durationMs)}` +
    `,"ended_by":${quote(summary.endedBy)}${summary.replay ? ',"replay":true' : ""}` +
    (summary.capture === undefined ? "" : renderCapture(summary.capture)) +
    `,"messages":${summary.messages},"message_bytes":${summary.messageBytes}` +
    `,"by_type":${stringify(summary.byType)},"tool_errors":${summary.toolErrors},"sessions":${summary.sessions}` +
    `,"calls_finished":${summary.callsFinished},"calls_unanswered":${summary.callsUnanswered}` +
    `,"calls_unheard":${summary.callsUnheard}` +
    `,"calls_cancelled":${summary.callsCancelled}` +
    `,"calls":[${summary.calls.map((entry) => renderTool(entry, context)).join(",")}]` +
    `,"open_calls":[${summary.openCalls.map((call) => renderOpen(call, context)).join(",")}]` +
    `,"unanswered_calls":[${summary.unansweredCalls.map((call) => renderUnansweredOf(call, context)).join(",")}]` +
    `,"loss":${stringify(summary.loss)},"loss_bytes":${summary.lossBytes}` +
    `,"peer_loss_bytes":${summary.peerLossBytes}` +
    `,"noise_bytes":${summary.noiseBytes}` +
    `,"noise":[${summary.noise.map((row) => renderNoise(row, context)).join(",")}]` +
    `,"http_bytes":${summary.httpBytes}` +
    `,"skipped_bytes":${summary.skippedBytes},"http_exchanges":${summary.httpExchanges}` +
    (summary.connections === undefined ? "" : renderConnections(summary.connections, context)) +
    (summary.shown === undefined ? "" : renderShown(summary.shown)) +
    `,"coverage":${stringify(summary.coverage)}}`
  );
}

/** Its rows can be made from those of all that was heard. */
function renderShown(shown: ShownTotals): string {
  return (
    `,"shown":{"messages":${shown.messages},"message_bytes":${shown.messageBytes}` +
    `,"calls_finished":${shown.callsFinished},"calls_unanswered":${shown.callsUnanswered}` +
    `,"open_calls":${shown.openCalls.length}` +
    `${shown.connections === undefined ? "" : `,"attempts":${shown.connections.attempts}`}}`
  );
}

function renderCapture(capture: CaptureFacts): string {
  return (
    `,"front_end":${quote(capture.frontEnd)},"kernel":${quote(capture.kernel)}` +
    `,"exact":${capture.exact},"skipped_runs":${capture.skippedRuns}` +
    `,"missed_bytes":${capture.missedBytes},"notes_lost":${capture.notesLost}` +
    `,"process_events_lost":${capture.processEventsLost}` +
    `,"unattributed_bytes":${capture.unattributedBytes},"channels_seen":${capture.channelsSeen}` +
    (capture.connections === undefined
      ? ""
      : `,"connection_events_lost":${capture.connections.eventsLost}` +
        `,"connections_unseen":${capture.connections.unseen}` +
        `,"connection_runs_skipped":${capture.connections.skippedRuns}`)
  );
}

function renderConnections(totals: ConnectionTotals, context: LineContext): string {
  const rows = totals.rows.map((row) => renderDestination(row, context)).join(",");
  return (
    `,"connections":{"attempts":${totals.attempts},"failures":${stringify(totals.failures)}` +
    `,"open":${totals.open},"by_destination":[${rows}]}`
  );
}

function renderDestination(row: ConnectionStatistics, context: LineContext): string {
  return (
    `{"process":${context.text(row.process)},"direction":"${row.direction}"` +
    `,"protocol":"${row.protocol}","destination":${context.text(row.destination)}` +
    `,"attempts":${row.attempts},"failures":${stringify(row.failures)}` +
    `,"sent_bytes":${row.sentBytes},"received_bytes":${row.receivedBytes}` +
    `${millis("p50_ms", row.p50Ms)}${millis("p95_ms", row.p95Ms)}}`
  );
}

function renderTool(entry: ToolStatistics, context: LineContext): string {
  return (
    `{"server":${context.text(entry.server)},"transport":"${entry.transport}","method":${context.text(entry.method)}` +
    (entry.target === undefined ? "" : `,"target":${context.text(entry.target)}`) +
    `,"calls":${entry.calls},"errors":${entry.errors},"cancelled":${entry.cancelled}` +
    `,"unanswered":${entry.unanswered},"open":${entry.open}` +
    `${millis("p50_ms", entry.p50Ms)}${millis("p95_ms", entry.p95Ms)}` +
    counts("programs", entry.programs, context) +
    `${counts("reached", entry.reached, context)}}`
  );
}

function renderNoise(row: NoiseStatistics, context: LineContext): string {
  const flags = row.holdsMessage ? `,"flags":["message_in_text"]` : "";
  return (
    `{"server":${context.text(row.server)},"direction":"${row.direction}"` +
    `,"lines":${row.lines},"bytes":${row.bytes},"text":${context.text(row.text)}${flags}}`
  );
}

function counts(
  key: string,
  of: Readonly<Record<string, number>> | undefined,
  context: LineContext,
): string {
  if (of === undefined) return "";
  const members = Object.entries(of).map(([name, count]) => `${context.text(name)}:${count}`);
  return `,"${key}":{${members.join(",")}}`;
}

function renderOpen(call: OpenCall, context: LineContext): string {
  return (
    `{"session":${quote(call.session.id)}${context.id("id", call.idText)}` +
    `,"method":${context.text(call.method)}` +
    (call.target === undefined ? "" : `,"target":${context.text(call.target)}`) +
    `,"since":"${context.timestamp(call.sinceNs)}"}`
  );
}

function renderUnansweredOf(call: UnansweredCall, context: LineContext): string {
  return `{"session":${quote(call.session.id)},${renderUnanswered(call, context)}}`;
}

/** Members, without a session. */
export function renderUnanswered(call: UnansweredCall, context: LineContext): string {
  const { idText, method, target, sinceNs, endNs } = call;
  return (
    (idText === undefined ? "" : `${context.id("id", idText).slice(1)},`) +
    `"method":${context.text(method)}` +
    (target === undefined ? "" : `,"target":${context.text(target)}`) +
    `,"since":"${context.timestamp(sinceNs)}"${millis("waited_ms", (endNs - sinceNs) / 1e6)}`
  );
}
