/** What a call caused in, its JSON out. */
import { destinationOf } from "../destination.ts";
import type { Effect } from "../effects/types.ts";
import { unfitId } from "../json-readers.ts";
import { quote } from "./json-text.ts";
import { type LineContext, millis } from "./line-context.ts";

/** `[{…},…]` */
export function renderEffects(effects: readonly Effect[], context: LineContext): string {
  return `[${effects.map((effect) => renderEffect(effect, context)).join(",")}]`;
}

export function renderEffect(effect: Effect, context: LineContext): string {
  const { kind, timeNs, process, candidates } = effect;
  return (
    `{"kind":"${kind}","timestamp":"${context.timestamp(timeNs)}"` +
    `,"pid":${process.pid},"comm":${context.text(process.comm)}${details(effect, context)}` +
    `${mayBeOf(candidates, context)}}`
  );
}

/** Ids as they are, or, where some reader of JSON would refuse one, the text of each. */
function mayBeOf(ids: readonly string[], context: LineContext): string {
  if (ids.length === 0) return "";
  const isFit = ids.every((id) => unfitId(id) === undefined);
  const list = ids.map((id) => (isFit ? context.json(id) : quote(context.json(id)))).join(",");
  return `,"${isFit ? "candidates" : "candidates_text"}":[${list}]`;
}

function details(effect: Effect, context: LineContext): string {
  switch (effect.kind) {
    case "exec": {
      const { exit } = effect.process;
      const argv = `,"argv":${context.argumentsOf(effect.argv)}`;
      if (exit === undefined) return argv;
      const ended = `,"exit":{"code":${exit.code ?? null},"signal":${exit.signal ?? null}}`;
      return argv + ended + millis("duration_ms", (exit.timeNs - effect.timeNs) / 1e6);
    }
    case "fork":
      return `,"child_pid":${effect.child.pid}`;
    case "connect": {
      const { connection } = effect;
      const { id, protocol, outcome, errno, latencyMs } = connection;
      return (
        `,"connection":${quote(id)},"protocol":"${protocol}"` +
        `,"destination":${context.text(destinationOf(connection))},"outcome":"${outcome}"` +
        (errno === undefined ? "" : `,"errno":${quote(errno)}`) +
        millis("latency_ms", latencyMs)
      );
    }
    case "file": {
      const { change, path, to } = effect.file;
      const target = to === undefined ? "" : `,"to":${context.text(to)}`;
      return `,"change":"${change}","path":${context.text(path)}${target}`;
    }
  }
}
