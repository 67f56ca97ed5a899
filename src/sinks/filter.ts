/** Exchange items in, whether they are to be written out. */
import type { Party } from "../capture/types.ts";
import type { Connection, Outcome, Protocol } from "../connections/types.ts";
import type { ExchangeItem, OpenCall, PartyInfo, Session, Transport } from "../exchange/types.ts";
import type { HttpExchange } from "../framing/types.ts";
import { partyName } from "../names.ts";
import { isConnection, isProcess } from "../party.ts";

export type ItemKind = ExchangeItem["kind"];

/** Each list empty: everything. Globs are matched against the whole name: `*` any text, `?` one character. */
export interface ItemFilterOptions {
  readonly kinds: readonly ItemKind[];
  /** Names, not globs. */
  readonly transports: readonly Transport[];
  readonly methods: readonly string[];
  readonly tools: readonly string[];
  readonly servers: readonly string[];
  readonly hosts: readonly string[];
  readonly connections?: ConnectionFilterOptions | undefined;
}

/** Of connection lines only. */
export interface ConnectionFilterOptions {
  /** Globs of names or addresses, or of the path of a Unix socket. */
  readonly destinations: readonly string[];
  /** Of the end that was connected to. */
  readonly ports: readonly number[];
  readonly protocols: readonly Protocol[];
  /** "failure": any of those that are. */
  readonly outcomes: readonly (Outcome | "failure")[];
}

/** What is written when nothing is asked for: a call's halves are message lines already. */
export const DEFAULT_KINDS: readonly ItemKind[] = [
  "message",
  "waiting",
  "session",
  "noise",
  "http",
  "loss",
  "coverage",
];

/**
 * Methods and tools choose messages and calls; answers go with their request, and exchanges without a message and noise
 * are left out. Servers choose all that has a server, by its own name, what its command line runs, its comm or its address; hosts
 * by what the request was addressed to. Losses and coverage are never filtered but by kind and transport: what was not
 * heard may have been anything.
 */
export function itemFilter(options: ItemFilterOptions): (item: ExchangeItem) => boolean {
  const passesCall = callFilter(options);
  const kinds = new Set(options.kinds.length === 0 ? DEFAULT_KINDS : options.kinds);
  const transports = new Set(options.transports);
  const method = nameMatcher(options.methods);
  const tool = nameMatcher(options.tools);
  const server = nameMatcher(options.servers);
  const host = nameMatcher(options.hosts.map((glob) => glob.toLowerCase()));
  const passesConnection = connectionFilter(options.connections);
  const passesParty = (party: Party | undefined, info: PartyInfo | undefined) =>
    server === undefined || serverNames(party, info).some(server);
  const passesHost = (party: Party | undefined, authority: string | undefined) =>
    host === undefined || hostNames(party, authority).some(host);
  const isAboutMessages = method !== undefined || tool !== undefined;
  const passesSession = ({ server, serverInfo, authority }: Session) =>
    passesParty(server, serverInfo) && passesHost(server, authority);
  return (item) => {
    if (!kinds.has(item.kind)) return false;
    const transport = transportOf(item);
    if (transports.size > 0 && transport !== undefined && !transports.has(transport)) return false;
    switch (item.kind) {
      case "message": {
        const { session } = item;
        const name = item.message.method ?? item.request?.method;
        const target = toolOf(name, item.target ?? item.request?.target, item.callId !== undefined);
        return (
          passes(method, name) &&
          passes(tool, target) &&
          passesParty(session.server, session.serverInfo) &&
          passesHost(session.server, authorityOf(item.message.frame.http, session))
        );
      }
      case "call":
      case "waiting":
        return passesCall(item, authorityOf(item.request.frame.http, item.session));
      case "effect":
        return passesCall(item, item.session.authority);
      case "session":
        return passesSession(item.session);
      case "noise":
        return !isAboutMessages && passesSession(item.session);
      case "http": {
        const { exchange, session } = item;
        const party = session?.server ?? serverOf(exchange);
        return (
          !isAboutMessages &&
          passesParty(party, session?.serverInfo) &&
          passesHost(party, authorityOf(item, session))
        );
      }
      case "connection":
        return passesConnection(item.connection);
      case "loss":
      case "coverage":
        return true;
    }
  };
}

/** True: some of what was heard may be left out, beside kinds of lines. */
export function leavesOut(filters: Omit<ItemFilterOptions, "kinds">): boolean {
  const { transports, methods, tools, servers, hosts, connections } = filters;
  const given = [transports, methods, tools, servers, hosts].some(({ length }) => length > 0);
  return given || connections !== undefined;
}

/** A call that waits when the run ends: whether its lines were, or would be, written out. */
export function openCallFilter(
  options: Omit<ItemFilterOptions, "kinds">,
): (call: OpenCall) => boolean {
  const { transports } = options;
  const passesCall = callFilter(options);
  return (call) =>
    (transports.length === 0 || transports.includes(call.session.transport)) &&
    passesCall(call, call.session.authority);
}

type AboutCall = Pick<OpenCall, "session" | "method" | "target">;

function callFilter(
  options: Omit<ItemFilterOptions, "kinds">,
): (call: AboutCall, authority: string | undefined) => boolean {
  const [method, tool] = [nameMatcher(options.methods), nameMatcher(options.tools)];
  const server = nameMatcher(options.servers);
  const host = nameMatcher(options.hosts.map((glob) => glob.toLowerCase()));
  return ({ session, method: name, target }, authority) =>
    passes(method, name) &&
    passes(tool, toolOf(name, target, false)) &&
    (server === undefined || serverNames(session.server, session.serverInfo).some(server)) &&
    (host === undefined || hostNames(session.server, authority).some(host));
}

const NO_FAILURES: ReadonlySet<Outcome> = new Set(["in_progress", "established", "closed"]);

const EVERY: ConnectionFilterOptions = { destinations: [], ports: [], protocols: [], outcomes: [] };

function connectionFilter(
  options: ConnectionFilterOptions = EVERY,
): (connection: Connection) => boolean {
  const destination = nameMatcher(options.destinations.map((glob) => glob.toLowerCase()));
  const ports = new Set(options.ports);
  const protocols = new Set(options.protocols);
  const outcomes = new Set(options.outcomes);
  const passesOutcome = (outcome: Outcome) =>
    outcomes.size === 0 ||
    outcomes.has(outcome) ||
    (outcomes.has("failure") && !NO_FAILURES.has(outcome));
  return (connection) => {
    const { direction, local, remote, protocol, outcome } = connection;
    const port = (direction === "outgoing" ? remote : local)?.port;
    return (
      (protocols.size === 0 || protocols.has(protocol)) &&
      (ports.size === 0 || (port !== undefined && ports.has(port))) &&
      passesOutcome(outcome) &&
      (destination === undefined || destinationNames(connection).some(destination))
    );
  };
}

/** Of an accepted one, who it is from. */
function destinationNames({ remote, path, names }: Connection): readonly string[] {
  const known = names.map(({ name }) => name);
  if (remote !== undefined) known.push(remote.address);
  if (path !== undefined) known.push(path.toLowerCase());
  return known;
}

/** undefined: it may have been any. */
function transportOf(item: ExchangeItem): Transport | undefined {
  if (item.kind === "http") return "http";
  if (item.kind === "connection") return undefined;
  if (item.kind !== "loss" && item.kind !== "coverage") return item.session.transport;
  if (item.channel === undefined) return undefined;
  return isConnection(item.channel) ? "http" : "stdio";
}

function serverNames(party: Party | undefined, info: PartyInfo | undefined): readonly string[] {
  const names = isProcess(party)
    ? [partyName(party), party.comm]
    : party === undefined
      ? []
      : [party.address];
  if (info !== undefined) names.push(info.name);
  return names;
}

/** "localhost:3001", "localhost", "[::1]" and "::1" of an authority; the address of a server elsewhere. */
function hostNames(party: Party | undefined, authority: string | undefined): readonly string[] {
  const names = party === undefined || isProcess(party) ? [] : [party.address];
  if (authority === undefined) return names;
  const whole = authority.toLowerCase();
  const host = whole.replace(/:\d+$/, "");
  names.push(whole, host);
  if (host.startsWith("[") && host.endsWith("]")) names.push(host.slice(1, -1));
  return names;
}

function authorityOf(
  place: { readonly exchange: HttpExchange } | undefined,
  session: Session | undefined,
): string | undefined {
  return place?.exchange.request?.authority ?? session?.authority;
}

/** Who answers. */
function serverOf({ requestChannel, responseChannel }: HttpExchange): Party | undefined {
  return requestChannel?.reader ?? responseChannel?.writer;
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
