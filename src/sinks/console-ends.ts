/** The two ends of a hop in, the columns that show them out: `curl[1] → 127.0.0.1:3001/mcp node[2]`. */
import type { Party, Process } from "../capture/types.ts";
import type { PartyInfo, Session } from "../exchange/types.ts";
import type { Frame, HttpExchange } from "../framing/types.ts";
import { partyName } from "../names.ts";
import { isProcess } from "../party.ts";
import { RecentMap } from "../recent-map.ts";
import { pad, truncate, truncateName } from "./fit.ts";
import { printable } from "./printable.ts";
import type { Redactor } from "./redact.ts";
import { pathOf } from "./transport.ts";

export interface Place {
  readonly authority: string | undefined;
  /** Of the request; "": not known. */
  readonly target: string;
  readonly server: "from" | "to";
  /** It says all that is known of its end. */
  readonly standsAlone?: boolean;
}

/** Who speaks to whom, in what. */
export interface Ends {
  readonly from: Party | undefined;
  readonly to: Party | undefined;
  readonly session: Session | undefined;
  /** HTTP: what the server is addressed by, and which end that is. */
  readonly place?: Place | undefined;
  /** The parties are copies, which are never told how theirs ended. */
  readonly isCopied?: boolean;
}

/** Names are cut to this, on narrow terminals to the other. */
const MAX_NAME = 24;
const MAX_NAME_NARROW = 12;
/** Beside the server's address, and beside a pid, a name is cut down to this. */
const MIN_NAME = 10;
const MIN_NAME_WITH_PID = 4;
export const NARROW_COLUMNS = 110;
/** The first lines already leave room for usual names, so that columns seldom move. */
const MIN_END = 14;
const MIN_END_NARROW = 10;
/** An end takes no more than this, and both leave the message its share of the line, or this. */
const MAX_END = 60;
const MIN_ROOM = 8;
const MESSAGE_SHARE = 0.35;
const MIN_REST = 26;
/** What else stands in a line before the message: time, arrow, kind, and the spaces between. */
const AROUND_ENDS = 22;
/** A place that says all may take so much more, in its own line: it is what the line is about. */
const MORE_FOR_PLACE = 8;
/** Nothing longer is looked at. */
const MAX_PLACE_CHARS = 200;
/** Names whose processes are remembered. */
const MAX_NAMES = 1_024;
const SHARED = "shared";

export class EndColumns {
  readonly #redactor: Redactor | undefined;
  readonly #columns: () => number;
  /** Which process was called so last. */
  readonly #named = new RecentMap<string, Process | typeof SHARED>(MAX_NAMES);
  #width = 0;
  #isCopied = false;

  constructor(redactor: Redactor | undefined, columns: () => number) {
    this.#redactor = redactor;
    this.#columns = columns;
  }

  /** A pid is shown only where a name does not tell processes apart. */
  get isNarrow(): boolean {
    return this.#columns() < NARROW_COLUMNS;
  }

  /** "claude[12]   → weather[34]": both ends in columns that grow with the longest name and never shrink. */
  render({ from, to, session, place, isCopied = false }: Ends): string {
    this.#isCopied = isCopied;
    const fromPlace = place?.server === "from" ? place : undefined;
    // its name is known then, should the other's be the same
    if (this.isNarrow) this.#end(from, session, fromPlace);
    const right = this.#end(to, session, place?.server === "to" ? place : undefined);
    const left = this.#end(from, session, fromPlace);
    const least = this.isNarrow ? MIN_END_NARROW : MIN_END;
    const widest = Math.max(this.#width, least, Bun.stringWidth(left), Bun.stringWidth(right));
    // a place that says all, or a terminal that was wider, is of no concern to the other lines
    this.#width = Math.min(widest, this.#roomForEnd());
    return `${pad(left, this.#width)} → ${pad(right, this.#width)}`;
  }

  #end(party: Party | undefined, session: Session | undefined, place: Place | undefined): string {
    const room = this.#roomForEnd();
    if (place === undefined) return this.#party(party, session, room, MIN_NAME_WITH_PID);
    const isWhole = place.standsAlone === true;
    const most = isWhole ? room + MORE_FOR_PLACE : room;
    const authority = this.#shown(place.authority ?? "");
    const path = this.#shown(shortPath(place.target));
    const address = party !== undefined && !isProcess(party) ? party.address : undefined;
    for (const text of placesOf(authority, path)) {
      const left = room - Bun.stringWidth(text) - 1;
      const isSaid = hostOf(text) === address || isWhole;
      const end = isSaid ? text : `${text} ${this.#party(party, session, left, MIN_NAME)}`;
      if (Bun.stringWidth(end) <= most) return end;
    }
    if (address !== undefined && authority !== "") return truncate(authority, most);
    return this.#party(party, session, room, MIN_NAME_WITH_PID);
  }

  /** `columns`: a name gives way to that, but not below `least`; a pid is always whole. */
  #party(
    party: Party | undefined,
    session: Session | undefined,
    columns: number,
    least: number,
  ): string {
    if (party === undefined) return "?";
    if (!isProcess(party)) return fitAddress(printable(party.address), columns);
    const whole = this.#shown(infoOf(party, session)?.name ?? partyName(party));
    const most = this.isNarrow ? MAX_NAME_NARROW : MAX_NAME;
    const name = truncateName(whole, Math.max(least, Math.min(most, columns)));
    const isShared = this.#isShared(name, party);
    if (this.isNarrow && !isShared) return name;
    const pid = `[${party.pid}]`;
    return `${truncateName(whole, Math.max(least, Math.min(most, columns - pid.length)))}${pid}`;
  }

  /** Two processes were called so, and the one had not ended when the other came. */
  #isShared(name: string, process: Process): boolean {
    const known = this.#named.get(name);
    if (known === SHARED) return true;
    if (known === process) return false;
    const isSame = known?.pid === process.pid && known.startNs === process.startNs;
    const isFree = known === undefined || isSame || known.exit !== undefined;
    if (!this.#isCopied) this.#named.set(name, isFree ? process : SHARED);
    return !isFree;
  }

  #roomForEnd(): number {
    const columns = this.#columns();
    const rest = Math.max(MIN_REST, Math.floor(columns * MESSAGE_SHARE));
    const room = Math.floor((columns - AROUND_ENDS - rest) / 2);
    return Math.max(MIN_ROOM, Math.min(room, MAX_END));
  }

  #shown(text: string): string {
    return printable(this.#redactor?.text(text) ?? text);
  }
}

/** What a server is addressed by, the longest first: of a local one the port is what tells it from others. */
function placesOf(authority: string, path: string): readonly string[] {
  const port = /:\d+$/.exec(authority)?.[0] ?? "";
  const places = [authority + path, port + path, authority, port];
  return places.filter((place) => place !== "");
}

/** HTTP: whose end is the server's. */
export function placeOf(
  { http }: Frame,
  direction: "client-to-server" | "server-to-client",
): Place | undefined {
  if (http === undefined) return undefined;
  return placeIn(http.exchange, direction === "client-to-server" ? "to" : "from");
}

export function placeIn({ request }: HttpExchange, server: Place["server"]): Place | undefined {
  if (request === undefined) return undefined;
  return { authority: request.authority, target: request.target, server };
}

/** A path without what may be secret and is seldom what one looks for. */
export function shortPath(target: string): string {
  const [path = ""] = pathOf(target).split("?", 1);
  return path.length > MAX_PLACE_CHARS ? `${path.slice(0, MAX_PLACE_CHARS)}…` : path;
}

/** "10.0.0.5:3001/mcp" → "10.0.0.5" */
function hostOf(place: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:/]*))/.exec(place) ?? [];
  return bracketed ?? plain ?? "";
}

/** Of an address the end is what tells it from its neighbours'. */
function fitAddress(address: string, columns: number): string {
  return address.length <= columns ? address : `…${address.slice(1 - columns)}`;
}

function infoOf(party: Party, session: Session | undefined): PartyInfo | undefined {
  if (session === undefined) return undefined;
  if (party === session.client) return session.clientInfo;
  return party === session.server ? session.serverInfo : undefined;
}
