/** What a call caused in, what the console says of it out. */
import type { Connection } from "../connections/types.ts";
import { destinationOf, isLookup } from "../destination.ts";
import type { Effect } from "../effects/types.ts";
import { formatMs } from "./quantity.ts";

/** Of one call; NDJSON has all. */
const MAX_EFFECTS = 20;
const MAX_FILES = 8;
/** Of those that may be of other calls as well, which show the same. */
const MAX_SHARED = 5;

/** False: it only asks where something is, or whether it is there. */
export function isWorthALine(effect: Effect): boolean {
  return effect.kind !== "connect" || !isLookup(effect.connection);
}

/** A program that failed, a connection that did not come about. */
export function isFailedEffect(effect: Effect): boolean {
  if (effect.kind === "exec") {
    const { exit } = effect.process;
    return exit !== undefined && exit.code !== 0;
  }
  if (effect.kind !== "connect") return false;
  const { outcome } = effect.connection;
  return outcome !== "in_progress" && outcome !== "established" && outcome !== "closed";
}

/** What surely is this call's, programs and connections first, files behind them; then what may be of others. */
export function mostTelling(effects: readonly Effect[]): readonly Effect[] {
  const own = effects.filter(({ candidates }) => candidates.length === 0);
  const isFile = ({ kind }: Effect) => kind === "file";
  return [
    ...own.filter((each) => !isFile(each)).slice(0, MAX_EFFECTS),
    ...own.filter(isFile).slice(0, MAX_FILES),
    ...effects.filter(({ candidates }) => candidates.length > 0).slice(0, MAX_SHARED),
  ];
}

/** "exec git clone … exit 128 after 12 ms", "connect api.github.com:443 ok 12.3 ms" */
export function effectWords(effect: Effect): string {
  const { candidates } = effect;
  const words = wordsOf(effect);
  return candidates.length === 0
    ? words
    : `${words} (of one of the calls ${candidates.join(", ")})`;
}

function wordsOf(effect: Effect): string {
  switch (effect.kind) {
    case "exec":
      return execWords(effect);
    case "fork":
      return `fork ${effect.child.pid}`;
    case "connect":
      return connectWords(effect.connection);
    case "file": {
      const { change, path, to } = effect.file;
      return to === undefined ? `${change} ${path}` : `${change} ${path} → ${to}`;
    }
  }
}

function execWords({ argv, process, timeNs }: Extract<Effect, { kind: "exec" }>): string {
  const { exit, comm } = process;
  const program = argv.length === 0 ? comm : argv.join(" ");
  if (exit === undefined) return `exec ${program}`;
  const how = exit.signal === undefined ? `exit ${exit.code}` : `signal ${exit.signal}`;
  return `exec ${program} ${how} after ${formatMs((exit.timeNs - timeNs) / 1e6)}`;
}

function connectWords(connection: Connection): string {
  const { protocol, outcome, errno, latencyMs } = connection;
  const isOk = outcome === "established" || outcome === "closed";
  const words = [
    "connect",
    destinationOf(connection),
    protocol === "tcp" ? "" : protocol,
    isOk ? "ok" : outcome.replaceAll("_", " "),
    isOk ? "" : (errno ?? ""),
    latencyMs === undefined ? "" : formatMs(latencyMs),
  ];
  return words.filter((word) => word !== "").join(" ");
}
