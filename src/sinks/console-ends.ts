/** The two ends of a hop in, the columns that show them out: `curl[1] → 127.0.0.1:3001/mcp node[2]`. */
import type { Party } from "../capture/types.ts";
import type { PartyInfo, Session } from "../exchange/types.ts";
import { partyName } from "../names.ts";
import { isProcess } from "../party.ts";
import { pad, truncate } from "./fit.ts";
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
}

/** Names are cut to this, on narrow terminals to the other; the pid is always whole. */
const MAX_NAME = 24;
const MAX_NAME_NARROW = 12;
/** Beside the server's address a name is cut down to this. */
const MIN_NAME = 10;
export const NARROW_COLUMNS = 110;
/** The first lines already leave room for usual names, so that columns seldom move. */
const MIN_END = 14;
/** An end with the server's address takes no more than this, and leaves the message the other. */
const MAX_PLACED_END = 60;
const MIN_REST = 24;
/** What else stands in a line before the message: time, arrow, kind, and the spaces between. */
const AROUND_ENDS = 22;
/** Nothing longer is looked at. */
const MAX_PLACE_CHARS = 200;

export class EndColumns {
  readonly #redactor: Redactor | undefined;
  readonly #columns: () => number;
  #width = MIN_END;

  constructor(redactor: Redactor | undefined, columns: () => number) {
    this.#redactor = redactor;
    this.#columns = columns;
  }

  /** "claude[12]   → weather[34]": both ends in columns that grow with the longest name and never shrink. */
  render({ from, to, session, place }: Ends): string {
    const left = this.#end(from, session, place?.server === "from" ? place : undefined);
    const right = this.#end(to, session, place?.server === "to" ? place : undefined);
    this.#width = Math.max(this.#width, Bun.stringWidth(left), Bun.stringWidth(right));
    return `${pad(left, this.#width)} → ${pad(right, this.#width)}`;
  }

  #end(party: Party | undefined, session: Session | undefined, place: Place | undefined): string {
    if (place === undefined) return this.#party(party, session);
    const room = this.#roomForEnd();
    const authority = this.#shown(place.authority ?? "");
    const path = this.#shown(shortPath(place.target));
    const address = party !== undefined && !isProcess(party) ? party.address : undefined;
    for (const text of placesOf(authority, path)) {
      const left = room - Bun.stringWidth(text) - 1;
      const isSaid = hostOf(text) === address || place.standsAlone === true;
      const end = isSaid ? text : `${text} ${this.#party(party, session, left)}`;
      if (Bun.stringWidth(end) <= room) return end;
    }
    return this.#party(party, session);
  }

  /** `columns`: a name gives way to that, but not to nothing. */
  #party(party: Party | undefined, session: Session | undefined, columns = MAX_NAME * 2): string {
    if (party === undefined) return "?";
    if (!isProcess(party)) return printable(party.address);
    const name = this.#shown(infoOf(party, session)?.name ?? partyName(party));
    const pid = `[${party.pid}]`;
    const most = this.#columns() < NARROW_COLUMNS ? MAX_NAME_NARROW : MAX_NAME;
    const limit = Math.max(MIN_NAME, Math.min(most, columns - pid.length));
    return `${fitName(name, limit)}${pid}`;
  }

  #roomForEnd(): number {
    const room = Math.floor((this.#columns() - AROUND_ENDS - MIN_REST) / 2);
    return Math.min(room, MAX_PLACED_END);
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

/** Of "@scope/package" the package is what tells it from others. */
function fitName(name: string, columns: number): string {
  const isTooLong = Bun.stringWidth(name) > columns;
  return truncate(isTooLong ? name.replace(/^@[^/]+\//, "") : name, columns);
}

function infoOf(party: Party, session: Session | undefined): PartyInfo | undefined {
  if (session === undefined) return undefined;
  if (party === session.client) return session.clientInfo;
  return party === session.server ? session.serverInfo : undefined;
}
