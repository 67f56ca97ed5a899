/** Exchange items in, whether they are to be written out. */

import type { ExchangeItem, Session } from "../exchange/types.ts";
import { processName } from "../names.ts";

export type ItemKind = ExchangeItem["kind"];

/** Each list empty: everything. Globs are matched against the whole name: `*` any text, `?` one character. */
export interface ItemFilterOptions {
  readonly kinds: readonly ItemKind[];
  readonly methods: readonly string[];
  readonly tools: readonly string[];
  readonly servers: readonly string[];
}

/** What is written when nothing is asked for: a call's halves are message lines already. */
export const DEFAULT_KINDS: readonly ItemKind[] = ["message", "session", "loss", "coverage"];

/**
 * Methods and tools choose messages and calls; answers go with their request. Servers choose messages, calls
 * and sessions by the server's own name, what its command line runs, or its comm. Losses and coverage are never filtered
 * but by kind: what was not heard may have been anything.
 */
export function itemFilter(options: ItemFilterOptions): (item: ExchangeItem) => boolean {
  const kinds = new Set(options.kinds.length === 0 ? DEFAULT_KINDS : options.kinds);
  const method = nameMatcher(options.methods);
  const tool = nameMatcher(options.tools);
  const server = nameMatcher(options.servers);
  const passesServer = (session: Session) =>
    server === undefined || serverNames(session).some((name) => server(name));
  return (item) => {
    if (!kinds.has(item.kind)) return false;
    switch (item.kind) {
      case "message": {
        const name = item.message.method ?? item.request?.method;
        const target = toolOf(name, item.target ?? item.request?.target, item.callId !== undefined);
        return passes(method, name) && passes(tool, target) && passesServer(item.session);
      }
      case "call":
        return (
          passes(method, item.method) &&
          passes(tool, toolOf(item.method, item.target, false)) &&
          passesServer(item.session)
        );
      case "session":
        return passesServer(item.session);
      case "loss":
      case "coverage":
        return true;
    }
  };
}

function serverNames({ server, serverInfo }: Session): readonly string[] {
  const names = [processName(server), server.comm];
  if (serverInfo !== undefined) names.push(serverInfo.name);
  return names;
}

type Matcher = (name: string) => boolean;

function passes(matcher: Matcher | undefined, name: string | undefined): boolean {
  return matcher === undefined || (name !== undefined && matcher(name));
}

/** Prompts and resources have targets too; only tools are meant. Of a call's notifications the method says nothing. */
function toolOf(
  method: string | undefined,
  target: string | undefined,
  belongsToCall: boolean,
): string | undefined {
  return method === "tools/call" || belongsToCall ? target : undefined;
}

/** undefined: no patterns, everything passes. */
function nameMatcher(globs: readonly string[]): Matcher | undefined {
  if (globs.length === 0) return undefined;
  return (name) => globs.some((glob) => matchesGlob(name, glob));
}

/** Linear in the name for each `*`: names come from the wire, so no backtracking regular expression. */
function matchesGlob(name: string, glob: string): boolean {
  let at = 0;
  let pattern = 0;
  /** Where the last `*` stands, and how far it reaches in the name. */
  let star = -1;
  let reach = 0;
  while (at < name.length) {
    if (glob[pattern] === "*") {
      star = pattern;
      reach = at;
      pattern += 1;
    } else if (pattern < glob.length && (glob[pattern] === "?" || glob[pattern] === name[at])) {
      pattern += 1;
      at += 1;
    } else if (star >= 0) {
      reach += 1;
      at = reach;
      pattern = star + 1;
    } else {
      return false;
    }
  }
  while (glob[pattern] === "*") pattern += 1;
  return pattern === glob.length;
}
