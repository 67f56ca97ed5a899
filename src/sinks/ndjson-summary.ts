/** The run's summary in, the last line out. */
import type { CaptureFacts, OpenCall, Summary, ToolStatistics } from "../exchange/types.ts";
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
    `,"by_type":${stringify(summary.byType)},"sessions":${summary.sessions}` +
    `,"calls_finished":${summary.callsFinished},"calls_unanswered":${summary.callsUnanswered}` +
    `,"calls":[${summary.calls.map((entry) => renderTool(entry, context)).join(",")}]` +
    `,"open_calls":[${summary.openCalls.map((call) => renderOpen(call, context)).join(",")}]` +
    `,"loss":${stringify(summary.loss)},"loss_bytes":${summary.lossBytes}` +
    `,"noise_bytes":${summary.noiseBytes},"http_bytes":${summary.httpBytes}` +
    `,"skipped_bytes":${summary.skippedBytes},"http_exchanges":${summary.httpExchanges}` +
    `,"coverage":${stringify(summary.coverage)}}`
  );
}

function renderCapture(capture: CaptureFacts): string {
  return (
    `,"front_end":${quote(capture.frontEnd)},"kernel":${quote(capture.kernel)}` +
    `,"exact":${capture.exact},"skipped_runs":${capture.skippedRuns}` +
    `,"missed_bytes":${capture.missedBytes},"notes_lost":${capture.notesLost}` +
    `,"process_events_lost":${capture.processEventsLost}` +
    `,"unattributed_bytes":${capture.unattributedBytes},"channels_seen":${capture.channelsSeen}`
  );
}

function renderTool(entry: ToolStatistics, context: LineContext): string {
  return (
    `{"server":${context.text(entry.server)},"transport":"${entry.transport}","method":${context.text(entry.method)}` +
    (entry.target === undefined ? "" : `,"target":${context.text(entry.target)}`) +
    `,"calls":${entry.calls},"errors":${entry.errors}` +
    `${millis("p50_ms", entry.p50Ms)}${millis("p95_ms", entry.p95Ms)}}`
  );
}

function renderOpen(call: OpenCall, context: LineContext): string {
  return (
    `{"session":${quote(call.session.id)},"id":${context.json(call.idText)}` +
    `,"method":${context.text(call.method)}` +
    (call.target === undefined ? "" : `,"target":${context.text(call.target)}`) +
    `,"since":"${context.timestamp(call.sinceNs)}"}`
  );
}
