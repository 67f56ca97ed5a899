/** Exchange items in, lines for a person's eyes out. */

import type { ConnectionLine } from "../connections/types.ts";
import type { Effect } from "../effects/types.ts";
import type {
  CallLine,
  CoverageLine,
  EffectLine,
  ExchangeItem,
  HttpLine,
  MessageLine,
  PartyInfo,
  SessionLine,
} from "../exchange/types.ts";
import type { Frame, HttpExchange, Loss } from "../framing/types.ts";
import type { Colors } from "./color.ts";
import { connectionEnds, connectionWords, isFailedConnection } from "./connection-words.ts";
import { EndColumns, NARROW_COLUMNS, type Place, shortPath } from "./console-ends.ts";
import { effectWords, isFailedEffect, isWorthALine } from "./effect-words.ts";
import { truncate } from "./fit.ts";
import { gistOf, isFailure } from "./message-gist.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount, formatMs, plural } from "./quantity.ts";
import type { Redactor } from "./redact.ts";
import { LocalTimes } from "./timestamp.ts";
import { endsOf, exchangeChannel } from "./transport.ts";
import type { WallClock } from "./types.ts";

export interface ConsoleLineOptions {
  readonly clock: WallClock;
  readonly colors: Colors;
  readonly redactor: Redactor | undefined;
  /** Columns of the terminal now; undefined: lines are not cut to a terminal. */
  readonly columns: () => number | undefined;
  /** Only errors, losses and what cannot be heard. */
  readonly quiet: boolean;
}

type Paint = (text: string) => string;

const PLAIN: Paint = (text) => text;
const NOBODY = { from: undefined, to: undefined };
/** A method name may be megabytes long; no terminal shows more than this. */
const MAX_REST_CHARS = 2000;
/** Room for the longest of REQ, RES, ERR, NTF, CALL, HTTP, LOSS, DEAF. */
const KIND_WIDTH = 4;
/** "12:34:56.789" */
const TIME_WIDTH = 12;
/** Of one call; NDJSON has all. */
const MAX_EFFECTS = 20;
const MAX_FILES = 8;
/** Of those that may be of other calls as well, which show the same. */
const MAX_SHARED = 5;
const UNDER = `${" ".repeat(TIME_WIDTH)} ↳ `;
/** Without a terminal, previews end here. */
const DEFAULT_COLUMNS = 240;

/** One line per item that is shown, with its "\n"; "" for the others. */
export class ConsoleLineRenderer {
  readonly #options: ConsoleLineOptions;
  readonly #times = new LocalTimes();
  readonly #ends: EndColumns;

  constructor(options: ConsoleLineOptions) {
    this.#options = options;
    this.#ends = new EndColumns(options.redactor, () => this.#columns());
  }

  render(item: ExchangeItem): string {
    switch (item.kind) {
      case "message":
        return this.#message(item) + this.#effects(item.effects);
      case "session":
        return this.#options.quiet ? "" : this.#session(item);
      case "call":
        return this.#options.quiet && item.outcome === "ok" ? "" : this.#call(item);
      case "effect":
        return this.#options.quiet && !isFailedEffect(item.effect) ? "" : this.#effect(item);
      case "http":
        return this.#http(item);
      case "connection":
        return this.#connection(item);
      case "loss":
        return this.#loss(item);
      case "coverage":
        return this.#coverage(item);
    }
  }

  #message(line: MessageLine): string {
    const { colors, redactor, quiet } = this.#options;
    const { message, session, request } = line;
    const failure = isFailure(line);
    if (quiet && !failure) return "";
    const isAnswer = message.type === "response" || message.type === "error";
    const method = message.method ?? request?.method ?? "?";
    const target = line.target ?? request?.target;
    const place = placeOf(message.frame, line.direction);
    const ends = this.#ends.render({ from: line.from, to: line.to, session, place });
    const duration =
      isAnswer && line.durationMs !== undefined ? ` ${formatMs(line.durationMs)}` : "";
    const text = `${this.#fitted(this.#subject(method, target), ends, duration)}${duration}`;
    const kind = failure
      ? "ERR"
      : { request: "REQ", response: "RES", notification: "NTF", error: "ERR" }[message.type];
    const gist = gistOf(line, this.#columns(), redactor);
    const rest = `${text}${gist === "" ? "" : ` ${gist}`}`;
    if (failure)
      return this.#line(message.frame.timeNs, ends, kind, rest, colors.red, colors.inverse);
    if (message.type === "notification") {
      return this.#line(message.frame.timeNs, ends, kind, rest, colors.dim, PLAIN);
    }
    return this.#line(
      message.frame.timeNs,
      ends,
      kind,
      rest,
      PLAIN,
      message.type === "request" ? colors.cyan : colors.green,
    );
  }

  #session(line: SessionLine): string {
    const { session } = line;
    const { colors } = this.#options;
    const details = [
      session.protocolVersion === undefined ? "" : `MCP ${session.protocolVersion}`,
      describeParty("client", session.clientInfo),
      describeParty("server", session.serverInfo),
      session.lateAttach ? "was running already" : "",
    ].filter((part) => part !== "");
    if (line.event === "end") {
      details.length = 0;
      details.push(session.endReason ?? "channel closed", plural(line.messages, "message"));
      if (line.openCalls > 0) details.push(`${plural(line.openCalls, "call")} without an answer`);
    }
    const what = { start: "session starts", update: "session", end: "session ends" }[line.event];
    if (line.event === "update" && details.length === 0)
      details.push("client and server told apart");
    const rest = details.length === 0 ? what : `${what}: ${details.join(", ")}`;
    const ends = this.#ends.render({
      from: session.client,
      to: session.server,
      session,
      place: { authority: session.authority, target: "", server: "to" },
    });
    return this.#line(line.timeNs, ends, "---", rest, colors.bold, PLAIN);
  }

  #call(line: CallLine): string {
    const { colors } = this.#options;
    const { session, direction } = line;
    const { client, server } = session;
    const outward = direction === "client-to-server";
    const ends = this.#ends.render({
      from: outward ? client : server,
      to: outward ? server : client,
      session,
      place: placeOf(line.request.frame, direction),
    });
    let rest = `${this.#subject(line.method, line.target)} ${line.outcome}`;
    if (line.durationMs !== undefined) rest += ` ${formatMs(line.durationMs)}`;
    const failed = line.outcome === "error" || line.outcome === "tool_error";
    return this.#line(line.timeNs, ends, "CALL", rest, failed ? colors.red : PLAIN, PLAIN);
  }

  /** Below the answer. */
  #effects(effects: readonly Effect[] = []): string {
    const { quiet } = this.#options;
    const all = effects.filter((each) => isWorthALine(each) && (!quiet || isFailedEffect(each)));
    const lines = mostTelling(all).map((effect) => this.#under(effectWords(effect), effect));
    const more = all.length - lines.length;
    if (more > 0) lines.push(this.#under(`and ${formatCount(more)} more`));
    return lines.join("");
  }

  #under(words: string, effect?: Effect): string {
    const { colors } = this.#options;
    const paint = effect !== undefined && isFailedEffect(effect) ? colors.red : colors.dim;
    const text = truncate(this.#shown(words), Math.max(8, this.#columns() - UNDER.length));
    return `${UNDER}${paint(text)}\n`;
  }

  /** After its call has ended. */
  #effect({ session, method, target, effect, timeNs }: EffectLine): string {
    const { colors } = this.#options;
    const { client: from, server: to } = session;
    const ends = this.#ends.render({ from, to, session });
    const rest = `${this.#subject(method, target)} ↳ ${effectWords(effect)}`;
    const paint = isFailedEffect(effect) ? colors.red : colors.dim;
    return this.#line(timeNs, ends, "LATE", rest, paint, PLAIN);
  }

  #http(line: HttpLine): string {
    const { colors, quiet } = this.#options;
    const { exchange, flags, session, timeNs } = line;
    const failed = line.outcome !== "complete" || (exchange.response?.status ?? 0) >= 400;
    if (quiet && !failed && flags.length === 0) return "";
    const channel = exchangeChannel(exchange);
    const parties = channel === undefined ? undefined : endsOf(channel);
    const place = placeIn(exchange, "to");
    const ends = this.#ends.render({ from: parties?.from, to: parties?.to, session, place });
    const rest = httpWords(line, this.#isNarrow())
      .filter((word) => word !== "")
      .join(" ");
    const paint = failed ? colors.red : flags.length > 0 ? colors.yellow : PLAIN;
    return this.#line(timeNs, ends, "HTTP", rest, paint, failed ? colors.inverse : PLAIN);
  }

  #connection(line: ConnectionLine): string {
    const { colors, quiet } = this.#options;
    const failed = isFailedConnection(line.connection);
    if (quiet && !failed) return "";
    const ends = this.#ends.render({ ...connectionEnds(line.connection), session: undefined });
    const paint = failed ? colors.red : line.event === "open" ? colors.dim : PLAIN;
    const mark = failed ? colors.inverse : line.event === "start" ? colors.green : PLAIN;
    return this.#line(line.timeNs, ends, "CONN", connectionWords(line), paint, mark);
  }

  #loss(loss: Loss): string {
    const { channel } = loss;
    const { from, to } = channel === undefined ? NOBODY : endsOf(channel);
    const ends = this.#ends.render({ from, to, session: undefined });
    const bytes = formatBytes(loss.bytes);
    const rest =
      loss.reason === "unread" ? `${bytes} were never read` : `${bytes} lost: ${loss.reason}`;
    return this.#line(loss.timeNs, ends, "LOSS", rest, this.#options.colors.yellow, PLAIN);
  }

  #coverage(line: CoverageLine): string {
    const { channel, process, reason, bytes, count = 1 } = line;
    const { from, to } = channel === undefined ? NOBODY : endsOf(channel);
    const ends = this.#ends.render({ from: process ?? from, to, session: undefined });
    const rest = `cannot be heard: ${reason}${count > 1 ? ` (${formatCount(count)} times)` : ""}${bytes > 0 ? `, ${formatBytes(bytes)}` : ""}`;
    return this.#line(line.timeNs, ends, "DEAF", rest, this.#options.colors.yellow, PLAIN);
  }

  /** All text from the wire is masked, made printable, cut and coloured, in this order, here or by `#ends`. */
  #line(
    timeNs: number,
    ends: string,
    kind: string,
    rest: string,
    paint: Paint,
    mark: Paint,
  ): string {
    const time = this.#times.render(this.#options.clock.toUnixMicros(timeNs));
    const cut = truncate(this.#shown(rest), Math.max(8, this.#room(ends)));
    return `${this.#options.colors.dim(time)} ${ends} ${paint(`${mark(kind)}${" ".repeat(KIND_WIDTH - kind.length)} ${cut}`)}\n`;
  }

  /** Columns behind the time, the ends and the kind. */
  #room(ends: string): number {
    return this.#columns() - TIME_WIDTH - Bun.stringWidth(ends) - KIND_WIDTH - 3;
  }

  /** Masked and printable; no terminal shows more of it. */
  #shown(text: string): string {
    const head = text.slice(0, MAX_REST_CHARS);
    return printable(this.#options.redactor?.text(head) ?? head);
  }

  /** The subject, cut so that the duration is never: 1.27 ms and 1.27 s must not look alike. */
  #fitted(subject: string, ends: string, duration: string): string {
    // what follows the duration may be cut to " …"
    const room = Math.max(8, this.#room(ends)) - duration.length - 2;
    if (duration === "" || Bun.stringWidth(subject.slice(0, MAX_REST_CHARS)) <= room)
      return subject;
    return truncate(this.#shown(subject), Math.max(1, room));
  }

  /** "tools/call get_weather"; on narrow terminals the tool says enough. */
  #subject(method: string, target: string | undefined): string {
    if (target === undefined) return method;
    return method === "tools/call" && this.#isNarrow() ? target : `${method} ${target}`;
  }

  #isNarrow(): boolean {
    return this.#columns() < NARROW_COLUMNS;
  }

  #columns(): number {
    return this.#options.columns() ?? DEFAULT_COLUMNS;
  }
}

/** What surely is this call's, programs and connections first, files behind them; then what may be of others. */
function mostTelling(effects: readonly Effect[]): readonly Effect[] {
  const own = effects.filter(({ candidates }) => candidates.length === 0);
  const isFile = ({ kind }: Effect) => kind === "file";
  return [
    ...own.filter((each) => !isFile(each)).slice(0, MAX_EFFECTS),
    ...own.filter(isFile).slice(0, MAX_FILES),
    ...effects.filter(({ candidates }) => candidates.length > 0).slice(0, MAX_SHARED),
  ];
}

/** "POST 401 text/html 1.27 ms"; `named`: with the path, for which the ends have no room. */
function httpWords(line: HttpLine, named: boolean): readonly string[] {
  const { outcome, flags, timeNs } = line;
  const { request, response, startNs } = line.exchange;
  return [
    request?.method ?? "?",
    response === undefined ? "" : String(response.status),
    response?.fields.contentType ?? "",
    outcome === "complete" ? "" : outcome,
    ...flags,
    request === undefined ? "" : formatMs(Math.max(0, timeNs - startNs) / 1e6),
    // it may be long, and hides nothing here
    request !== undefined && named ? shortPath(request.target) : "",
  ];
}

/** HTTP: whose end is the server's. */
function placeOf(
  { http }: Frame,
  direction: "client-to-server" | "server-to-client",
): Place | undefined {
  if (http === undefined) return undefined;
  return placeIn(http.exchange, direction === "client-to-server" ? "to" : "from");
}

function placeIn({ request }: HttpExchange, server: Place["server"]): Place | undefined {
  if (request === undefined) return undefined;
  return { authority: request.authority, target: request.target, server };
}

function describeParty(role: string, info: PartyInfo | undefined): string {
  if (info === undefined) return "";
  return `${role} ${info.name} ${info.version ?? ""}`.trimEnd();
}
