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
  NoiseLine,
  SessionLine,
  WaitingLine,
} from "../exchange/types.ts";
import type { Loss } from "../framing/types.ts";
import type { Message } from "../message/types.ts";
import { endsOf } from "../party.ts";
import type { Colors } from "./color.ts";
import { connectionEnds, connectionWords, isFailedConnection } from "./connection-words.ts";
import { EndColumns, placeIn, placeOf } from "./console-ends.ts";
import { coverageText } from "./coverage-words.ts";
import { effectWords, isFailedEffect, isWorthALine, mostTelling } from "./effect-words.ts";
import { truncate, wrap } from "./fit.ts";
import { flagWords } from "./flag-words.ts";
import { httpWords } from "./http-words.ts";
import { gistOf, isAlarm, isFailure } from "./message-gist.ts";
import { factsOf, idWords, tookWords } from "./message-words.ts";
import { noiseWords } from "./noise-words.ts";
import { printable } from "./printable.ts";
import { ProgressLimit } from "./progress-limit.ts";
import { formatBytes, formatCount, plural } from "./quantity.ts";
import type { Redactor } from "./redact.ts";
import { sessionWords } from "./session-words.ts";
import { SimilarCalls } from "./similar-calls.ts";
import { LocalTimes } from "./timestamp.ts";
import { exchangeChannel } from "./transport.ts";
import type { WallClock } from "./types.ts";
import { callWords, noAnswerWords, waitedText } from "./unanswered-words.ts";

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
/** A method name may be megabytes long; no terminal shows more than this in a line, … */
const MAX_REST_CHARS = 2000;
/** … nor does anybody read more than this of what is never cut to a line. */
const MAX_WHOLE_CHARS = 4000;
/** Narrow as a terminal may be. */
const MIN_REST = 8;
/** A method or tool is not cut to less than this. */
const MIN_SUBJECT = 10;
/** Room for the longest of REQ, RES, ERR, NTF, CALL, WAIT, HTTP, LOSS, DEAF; NOISE stands out by a letter. */
const KIND_WIDTH = 4;
/** "12:34:56.789" */
const TIME_WIDTH = 12;
/** Of the calls that a session leaves without an answer. */
const MAX_UNANSWERED = 10;
const UNDER = `${" ".repeat(TIME_WIDTH)} ↳ `;
/** Where a line goes on. */
const INDENT = " ".repeat(TIME_WIDTH + 1);
/** Without a terminal, previews end here. */
const DEFAULT_COLUMNS = 240;

/**
 * One line per item that is shown, with its "\n"; "" for the others. What says that something went wrong goes on in
 * indented lines where a terminal has no room for it; all else is cut.
 */
export class ConsoleLineRenderer {
  readonly #options: ConsoleLineOptions;
  readonly #times = new LocalTimes();
  readonly #ends: EndColumns;
  readonly #progress = new ProgressLimit();
  readonly #similar = new SimilarCalls();

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
      case "waiting":
        return this.#options.quiet ? "" : this.#waiting(item);
      case "effect":
        return this.#options.quiet && !isFailedEffect(item.effect) ? "" : this.#effect(item);
      case "noise":
        return this.#noise(item);
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
    const { redactor, quiet } = this.#options;
    const { message, session } = line;
    const failure = isFailure(line);
    if (quiet && !failure) return "";
    const leftOut = this.#leftOut(line);
    if (leftOut === undefined) return "";
    const place = placeOf(message.frame, line.direction);
    const ends = this.#ends.render({ from: line.from, to: line.to, session, place });
    const { kind, paint, mark } = this.#look(message.type, failure);
    const facts = factsOf(line, leftOut, this.#similar.needsId(line));
    const isWhole = failure || isAlarm(line);
    const isOdd = flagWords(line.flags) !== "";
    const method = message.method ?? line.request?.method ?? "";
    const subject = this.#subject(method, line.target ?? line.request?.target);
    const gist = gistOf(line, isWhole ? MAX_WHOLE_CHARS : this.#columns(), redactor);
    // what follows may be cut to " …"
    const taken = (facts === "" ? 0 : facts.length + 1) + (gist === "" ? 0 : 2);
    const about = isWhole || isOdd ? subject : this.#fitted(subject, this.#room(ends), taken);
    const said = [about, facts, isWhole ? gist : ""].filter((text) => text !== "").join(" ");
    const more = isWhole ? "" : gist;
    return this.#whole(message.frame.timeNs, ends, kind, said, paint, mark, more);
  }

  #look(type: Message["type"], failure: boolean) {
    const { red, inverse, dim, cyan, green } = this.#options.colors;
    if (failure) return { kind: "ERR", paint: red, mark: inverse };
    switch (type) {
      case "request":
        return { kind: "REQ", paint: PLAIN, mark: cyan };
      case "notification":
        return { kind: "NTF", paint: dim, mark: PLAIN };
      case "response":
      case "error":
        return { kind: "RES", paint: PLAIN, mark: green };
    }
  }

  /** Lines of progress of the same call that were not shown before this line; undefined: nor is this. */
  #leftOut(line: MessageLine): number | undefined {
    const { type, method } = line.message;
    if (method === "notifications/progress") return this.#progress.pass(line);
    return type === "response" || type === "error" ? this.#progress.finish(line) : 0;
  }

  #session(line: SessionLine): string {
    const { session, event } = line;
    const isEnd = event === "end";
    if (isEnd) this.#similar.end(session.id);
    const leftOut = isEnd ? this.#progress.end(session.id) : 0;
    const rest = sessionWords(line, { withPids: this.#ends.isNarrow, leftOut });
    const ends = this.#ends.render({
      from: session.client,
      to: session.server,
      session,
      place: { authority: session.authority, target: "", server: "to" },
      isCopied: true,
    });
    const told = this.#whole(line.timeNs, ends, "---", rest, this.#options.colors.bold, PLAIN);
    return told + this.#unanswered(line);
  }

  /** Below the end of the session. */
  #unanswered({ unanswered = [], openCalls }: SessionLine): string {
    const { yellow } = this.#options.colors;
    const named = unanswered.slice(0, MAX_UNANSWERED);
    const lines = named.map((call) =>
      this.#under(`${noAnswerWords(call, call.endNs)}: ${callWords(call)}`, yellow),
    );
    const more = openCalls - named.length;
    if (named.length > 0 && more > 0) {
      lines.push(this.#under(`and ${formatCount(more)} more`, yellow));
    }
    return lines.join("");
  }

  #waiting(line: WaitingLine): string {
    const { yellow } = this.#options.colors;
    const { method, request, progressCount, sinceNs, timeNs } = line;
    const words = `${this.#subject(method, line.target)} ${idWords(request.idText)}`;
    const progress = progressCount === 0 ? "" : `, ${plural(progressCount, "progress report")}`;
    const waited = this.#ends.isNarrow
      ? waitedText(sinceNs, timeNs)
      : noAnswerWords({ sinceNs }, timeNs);
    const rest = `${waited}${progress}: ${words}`;
    return this.#whole(timeNs, this.#callEnds(line), "WAIT", rest, yellow, PLAIN);
  }

  #callEnds({ session, direction, request }: CallLine | WaitingLine): string {
    const { client, server } = session;
    const outward = direction === "client-to-server";
    return this.#ends.render({
      from: outward ? client : server,
      to: outward ? server : client,
      session,
      place: placeOf(request.frame, direction),
    });
  }

  #call(line: CallLine): string {
    const { colors } = this.#options;
    const { request, durationMs, serverMs, outcome } = line;
    const { frame, idText } = request;
    const isUnanswered = outcome === "unanswered";
    const words = [
      this.#subject(line.method, line.target),
      isUnanswered || outcome === "cancelled" ? idWords(idText) : "",
      outcome.replaceAll("_", " "),
      tookWords(durationMs, serverMs) ?? "",
      isUnanswered ? `after ${waitedText(frame.sentNs ?? frame.timeNs, line.timeNs)}` : "",
    ];
    const ends = this.#callEnds(line);
    const rest = words.filter((word) => word !== "").join(" ");
    if (outcome === "ok") return this.#line(line.timeNs, ends, "CALL", rest, PLAIN, PLAIN);
    const failed = outcome === "error" || outcome === "tool_error";
    return this.#whole(line.timeNs, ends, "CALL", rest, failed ? colors.red : PLAIN, PLAIN);
  }

  /** Below the answer. */
  #effects(effects: readonly Effect[] = []): string {
    const { quiet } = this.#options;
    const all = effects.filter((each) => isWorthALine(each) && (!quiet || isFailedEffect(each)));
    const lines = mostTelling(all).map((effect) =>
      this.#under(
        effectWords(effect),
        isFailedEffect(effect) ? this.#options.colors.red : undefined,
      ),
    );
    const more = all.length - lines.length;
    if (more > 0) lines.push(this.#under(`and ${formatCount(more)} more`));
    return lines.join("");
  }

  /** `paint`: something went wrong, and is not cut. */
  #under(words: string, paint?: Paint): string {
    const room = Math.max(MIN_REST, this.#columns() - UNDER.length);
    if (paint === undefined) {
      return `${UNDER}${this.#options.colors.dim(truncate(this.#shown(words), room))}\n`;
    }
    const lines = this.#wrapped(words, room, room).map((text) => paint(text));
    return `${UNDER}${lines.join(`\n${" ".repeat(UNDER.length)}`)}\n`;
  }

  /** After its call has ended. */
  #effect({ session, method, target, effect, timeNs }: EffectLine): string {
    const { colors } = this.#options;
    const { client: from, server: to } = session;
    const ends = this.#ends.render({ from, to, session });
    const rest = `${this.#subject(method, target)} ↳ ${effectWords(effect)}`;
    if (isFailedEffect(effect)) return this.#whole(timeNs, ends, "LATE", rest, colors.red, PLAIN);
    return this.#line(timeNs, ends, "LATE", rest, colors.dim, PLAIN);
  }

  #noise(line: NoiseLine): string {
    const { from, to, session, timeNs, text, holdsMessage } = line;
    const { quiet, colors } = this.#options;
    if (text === "" || (quiet && !holdsMessage)) return "";
    const ends = this.#ends.render({ from, to, session });
    const words = noiseWords({ ...line, text: this.#shown(text) }, this.#room(ends) - 1);
    return this.#whole(timeNs, ends, "NOISE", words, colors.yellow, PLAIN);
  }

  #http(line: HttpLine): string {
    const { colors, quiet } = this.#options;
    const { exchange, flags, session, timeNs } = line;
    const failed = line.outcome !== "complete" || (exchange.response?.status ?? 0) >= 400;
    if (quiet && !failed && flags.length === 0) return "";
    const { from, to } = endsOf(exchangeChannel(exchange));
    const place = placeIn(exchange, "to");
    const ends = this.#ends.render({ from, to, session, place });
    const rest = httpWords(line, this.#ends.isNarrow);
    if (failed) return this.#whole(timeNs, ends, "HTTP", rest, colors.red, colors.inverse);
    if (flags.length > 0) return this.#whole(timeNs, ends, "HTTP", rest, colors.yellow, PLAIN);
    return this.#line(timeNs, ends, "HTTP", rest, PLAIN, PLAIN);
  }

  #connection(line: ConnectionLine): string {
    const { colors, quiet } = this.#options;
    const failed = isFailedConnection(line.connection);
    if (quiet && !failed) return "";
    const ends = this.#ends.render({ ...connectionEnds(line.connection), session: undefined });
    const words = connectionWords(line);
    if (failed) return this.#whole(line.timeNs, ends, "CONN", words, colors.red, colors.inverse);
    const paint = line.event === "open" ? colors.dim : PLAIN;
    const mark = line.event === "start" ? colors.green : PLAIN;
    return this.#line(line.timeNs, ends, "CONN", words, paint, mark);
  }

  #loss(loss: Loss): string {
    const { channel } = loss;
    const { from, to } = endsOf(channel);
    const ends = this.#ends.render({ from, to, session: undefined });
    const bytes = formatBytes(loss.bytes);
    const rest = `${bytes} ${lossWords(loss)}`;
    return this.#whole(loss.timeNs, ends, "LOSS", rest, this.#options.colors.yellow, PLAIN);
  }

  #coverage(line: CoverageLine): string {
    const { channel, process } = line;
    const { from, to } = endsOf(channel);
    const ends = this.#ends.render({ from: process ?? from, to, session: undefined });
    const { yellow } = this.#options.colors;
    return this.#whole(line.timeNs, ends, "DEAF", coverageText(line), yellow, PLAIN);
  }

  /** A line whose end may be missing. */
  #line(
    timeNs: number,
    ends: string,
    kind: string,
    rest: string,
    paint: Paint,
    mark: Paint,
  ): string {
    return this.#whole(timeNs, ends, kind, "", paint, mark, rest);
  }

  /**
   * All of `said`, in more lines if need be; `more` as far as the last of them has room.
   * All text from the wire is masked, made printable, cut and coloured, in this order, here or by `#ends`.
   */
  #whole(
    timeNs: number,
    ends: string,
    kind: string,
    said: string,
    paint: Paint,
    mark: Paint,
    more = "",
  ): string {
    const time = this.#times.render(this.#options.clock.toUnixMicros(timeNs));
    const room = Math.max(MIN_REST, this.#room(ends) - Math.max(0, kind.length - KIND_WIDTH));
    const others = Math.max(MIN_REST, this.#columns() - INDENT.length);
    const lines = this.#wrapped(said, room, others);
    const last = lines.pop() ?? "";
    const between = said === "" ? "" : " ";
    const left = (lines.length === 0 ? room : others) - Bun.stringWidth(last) - between.length;
    const isCut = more === "" || left < 1;
    lines.push(isCut ? last : `${last}${between}${truncate(this.#shown(more), left)}`);
    const [first = "", ...on] = lines;
    const start = `${mark(kind)}${" ".repeat(Math.max(0, KIND_WIDTH - kind.length))}`;
    return (
      `${this.#options.colors.dim(time)} ${ends} ${paint(`${start} ${first}`)}\n` +
      on.map((text) => `${INDENT}${paint(text)}\n`).join("")
    );
  }

  /** Without a terminal a line is as long as it gets. */
  #wrapped(text: string, first: number, others: number): string[] {
    const shown = this.#shown(text, MAX_WHOLE_CHARS);
    return this.#options.columns() === undefined ? [shown] : wrap(shown, first, others);
  }

  /** Columns behind the time, the ends and the kind. */
  #room(ends: string): number {
    return this.#columns() - TIME_WIDTH - Bun.stringWidth(ends) - KIND_WIDTH - 3;
  }

  /** Masked and printable; nobody is shown more of it. */
  #shown(text: string, most = MAX_REST_CHARS): string {
    const head = text.length > most ? `${text.slice(0, most)}…` : text;
    return printable(this.#options.redactor?.text(head) ?? head);
  }

  /** The subject, cut so that the facts are never: 1.27 ms and 1.27 s must not look alike. */
  #fitted(subject: string, room: number, taken: number): string {
    // where they leave it nothing they go on below
    const columns = Math.max(MIN_REST, room - taken < MIN_SUBJECT ? room : room - taken);
    const shown = this.#shown(subject);
    const isLong = Bun.stringWidth(shown) > columns;
    return truncate(isLong ? shown.replace(/^tools\/call (?=.)/, "") : shown, columns);
  }

  /** "tools/call get_weather"; on narrow terminals the tool says enough, and so it does of its progress. NTF says the rest. */
  #subject(method: string, target: string | undefined): string {
    const name = method.replace(/^notifications\/(?=.)/, "");
    if (target === undefined) return name;
    const isSaid = this.#ends.isNarrow && (name === "tools/call" || name === "progress");
    return isSaid ? target : `${name} ${target}`;
  }

  #columns(): number {
    return this.#options.columns() ?? DEFAULT_COLUMNS;
  }
}

function lossWords({ reason, sinceNs, timeNs }: Loss): string {
  if (sinceNs !== undefined) return `lie unread, for ${waitedText(sinceNs, timeNs)}`;
  if (reason === "unread") return "were never read";
  if (reason === "unfinished_line") return "of a message that its writer did not finish";
  return `lost: ${reason}`;
}
