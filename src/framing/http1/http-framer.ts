/** The bytes of one direction of an HTTP/1 connection in; JSON bodies, events and what became of exchanges out. */
import type { Channel, LossReason } from "../../capture/types.ts";
import { isConnection } from "../../party.ts";
import type { Chunk, Gap, Skip } from "../../stream/types.ts";
import type { ChannelFramer } from "../channel-framer.ts";
import { readResume } from "../first-bytes.ts";
import type { FramingItem } from "../types.ts";
import { Bodies } from "./bodies.ts";
import type { Body, HttpLimits } from "./body.ts";
import { BodyFraming, type BodyTaker } from "./body-framing.ts";
import { type BodyLength, requestBody, responseBody } from "./body-length.ts";
import type { HttpConnection, HttpSide } from "./connection.ts";
import { DirectionItems } from "./direction-items.ts";
import { EventBody } from "./event-body.ts";
import type { ExchangeState, Upgrade } from "./exchange-state.ts";
import type { Head } from "./head.ts";
import { HeadReader } from "./head-reader.ts";
import { codingsOf, contentOf, interestOf, isAmbiguous, Messages, upgradeOf } from "./messages.ts";

/** "seek": where the next message begins is unknown. */
type Place = "head" | "body" | "seek" | "tunnel";

/** Bytes without a head after which a channel that began unheard is set aside. */
const MAX_SOUGHT = 64 * 1024;

export class HttpFramer implements ChannelFramer {
  readonly channel: Channel;
  /** Set when an answer has switched to another protocol that is heard: the rest of its read is not taken. */
  upgrade: Upgrade | undefined;
  readonly #limits: HttpLimits;
  readonly #items: DirectionItems;
  readonly #head: HeadReader;
  readonly #framing = new BodyFraming();
  readonly #messages = new Messages();
  readonly #taker: BodyTaker;
  #connection: HttpConnection;
  #side: HttpSide | undefined;
  #place: Place = "head";
  #hasBegun = false;
  /** The message under way; while seeking: the event stream that may go on. */
  #state: ExchangeState | undefined;
  /** undefined: the body is nobody's, counted only. */
  #body: Body | undefined;
  /** Known when the side is. */
  #bodies: Bodies | undefined;
  /** Why what is passed over while seeking is lost; undefined: it is noise. */
  #seekReason: LossReason | undefined;
  #position = 0;
  /** Bytes that were passed over before the side was known. */
  #sought = 0;

  /** `side`: undefined, its first head tells. */
  constructor(
    channel: Channel,
    connection: HttpConnection,
    side: HttpSide | undefined,
    limits: HttpLimits,
  ) {
    this.channel = channel;
    this.#connection = connection;
    this.#limits = limits;
    this.#items = new DirectionItems(channel);
    this.#head = new HeadReader(this.#items, limits.held);
    this.#taker = {
      content: (bytes, from, to) => this.#content(bytes, from, to),
      framing: (bytes) => {
        this.#items.noise(bytes);
        if (this.#framing.isAmbiguous && this.#state !== undefined) this.#state.isAmbiguous = true;
      },
    };
    if (side !== undefined) this.#learnSide(side);
  }

  get side(): HttpSide | undefined {
    return this.#side;
  }

  get connection(): HttpConnection {
    return this.#connection;
  }

  get heldBytes(): number {
    return this.#ownBytes + this.#connection.waitingBytes;
  }

  get isHopeless(): boolean {
    if (this.#side === undefined) return this.#sought > MAX_SOUGHT;
    return !isConnection(this.channel) && this.#connection.isHopeless;
  }

  /** The two directions were not known to belong together: `other` is that of the requests. */
  join(other: HttpFramer, out: FramingItem[]): void {
    this.#items.begin(this.#items.timeNs, out);
    this.#connection.absorb(other.#connection, this.#items);
    other.#connection = this.#connection;
    this.#items.flush();
  }

  pushChunk(chunk: Chunk, out: FramingItem[]): void {
    const { bytes, position } = chunk;
    this.#items.beginChunk(chunk, out);
    this.#position = position;
    if (!this.#hasBegun && (position > 0 || this.channel.late === true)) {
      this.#seek(position > 0 ? "cut_by_gap" : "started_before_attach");
    }
    this.#hasBegun = true;
    if (this.#connection.isTunnel && this.#place !== "tunnel") this.#enterTunnel();
    if (this.#place === "seek") this.#find(bytes);
    let at = 0;
    while (at < bytes.length && this.upgrade === undefined) at = this.#take(bytes, at);
    this.#body?.keep();
    this.#items.flush();
  }

  pushGap(gap: Gap, out: FramingItem[]): void {
    const { channel, bytes, reason, timeNs } = gap;
    this.#items.begin(timeNs, out);
    this.#hasBegun = true;
    if (this.#place === "body" && this.#framing.skip(bytes)) {
      this.#body?.cut("cut_by_gap", true);
      if (this.#state !== undefined) this.#state.isLost = true;
      if (this.#framing.isDone) this.#endMessage(undefined);
    } else if (this.#place !== "tunnel") {
      this.#giveUp("cut_by_gap", this.#framing.isChunked);
      this.#missed();
    }
    this.#items.flush();
    if (bytes > 0) out.push({ kind: "loss", channel, bytes, reason, timeNs });
  }

  /** The kernel leaves out what is other HTTP, up to the next message. */
  pushSkip({ channel, bytes, timeNs }: Skip, out: FramingItem[]): void {
    this.#items.begin(timeNs, out);
    this.#hasBegun = true;
    if (this.#place !== "tunnel") {
      this.#giveUp("cut_by_gap", false);
      this.#missed();
      this.#place = "head";
    }
    this.#items.flush();
    if (bytes > 0) out.push({ kind: "noise", channel, bytes, of: "skipped" });
  }

  drop(reason: LossReason, out: FramingItem[]): void {
    // what both directions hold together is dropped with the first
    if (this.heldBytes === 0) return;
    this.#items.begin(this.#items.timeNs, out);
    if (this.#connection.waitingBytes > this.#ownBytes) this.#connection.forgetWaiting(this.#items);
    else if (this.#place === "head") {
      this.#giveUp(reason, false);
      this.#missed();
    } else this.#body?.cut(reason, false);
    this.#items.flush();
  }

  abandon(out: FramingItem[]): void {
    this.finish(undefined, out);
  }

  finish(timeNs: number | undefined, out: FramingItem[]): void {
    this.#items.begin(timeNs ?? this.#items.timeNs, out);
    this.#items.noise(this.#head.length);
    this.#head.clear();
    const isWhole = this.#place === "body" && this.#framing.isUntilClose;
    if (timeNs !== undefined && isWhole) this.#endMessage(undefined);
    this.#body?.end("unfinished_line");
    this.#body = undefined;
    if (timeNs === undefined) this.#connection.abandon();
    else this.#connection.end(this.#side, this.#state, this.#items);
    this.#state = undefined;
    this.#place = "seek";
    this.#items.flush();
  }

  get #ownBytes(): number {
    return this.#head.heldBytes + (this.#body?.heldBytes ?? 0);
  }

  #take(bytes: Buffer, at: number): number {
    switch (this.#place) {
      case "head":
        return this.#takeHead(bytes, at);
      case "body":
        return this.#takeBody(bytes, at);
      case "seek":
        this.#passSought(bytes.length - at);
        return bytes.length;
      case "tunnel":
        this.#items.noise(bytes.length - at);
        return bytes.length;
    }
  }

  #takeHead(bytes: Buffer, from: number): number {
    const { head, next, beginning } = this.#head.take(bytes, from, this.#side);
    if (head === "too_long") this.#loseHead(beginning);
    else if (head === "none") {
      this.#seek(undefined);
      this.#missed();
    } else if (head !== undefined) {
      if (this.#side === undefined) this.#learnSide(head.status === 0 ? "request" : "response");
      if (this.#side === "request") this.#openRequest(head);
      else this.#openResponse(head, next);
    }
    return next;
  }

  #openRequest(head: Head): void {
    const { channel } = this;
    const connection = this.#connection;
    const items = this.#items;
    const state = connection.makeExchange(channel, channel.reverse, items.timeNs);
    const request = this.#messages.request(head);
    state.setRequest(request);
    state.interest = interestOf(head, request, connection.memory.endpoints);
    state.isAmbiguous = isAmbiguous(head);
    connection.ask(state, items);
    if (head.hasMcpField) connection.believe(state, items);
    this.#open(state, head, requestBody(head));
  }

  /** `next`: index behind the head in the read. */
  #openResponse(head: Head, next: number): void {
    const connection = this.#connection;
    const items = this.#items;
    // 100 Continue, 103 Early Hints: the answer is yet to come
    if (head.status < 200 && head.status !== 101) return;
    const state = connection.answer() ?? this.#makeOrphan();
    state.setResponse(this.#messages.response(head), this.channel);
    if (isAmbiguous(head)) state.isAmbiguous = true;
    if (head.hasMcpField) connection.believe(state, items);
    const to = upgradeOf(head);
    if (to !== undefined) {
      this.upgrade = { to, state, from: next };
      connection.openOther(items);
    } else this.#open(state, head, responseBody(head, state.method));
  }

  /** An answer whose request went by unheard. */
  #makeOrphan(): ExchangeState {
    const { channel } = this;
    const { timeNs } = this.#items;
    const state = this.#connection.makeExchange(channel.reverse, channel, timeNs);
    state.setResponse(undefined, channel);
    state.requestDone = true;
    this.#connection.noteOrphan(timeNs);
    return state;
  }

  #open(state: ExchangeState, head: Head, length: BodyLength): void {
    this.#state = state;
    this.#body = undefined;
    this.#framing.start(length);
    if (length.kind === "none") this.#endMessage(undefined);
    else if (length.kind === "tunnel") {
      this.#endMessage(undefined);
      this.#connection.openTunnel(this.#items);
      if (head.upgradesUnheard) this.#items.blind("http_upgrade");
      this.#place = "tunnel";
    } else if (length.kind === "unknown") this.#break();
    else {
      this.#place = "body";
      const subject = { state, codings: codingsOf(head, state) };
      this.#body = this.#bodies?.make(contentOf(state, head), subject);
    }
  }

  #takeBody(bytes: Buffer, at: number): number {
    const to = this.#framing.take(bytes, at, this.#taker);
    if (this.#framing.isBroken) this.#break();
    else if (this.#framing.isDone) this.#endMessage(undefined);
    return to;
  }

  #content(bytes: Buffer, from: number, to: number): void {
    if (this.#body !== undefined) this.#body.take(bytes, from, to, this.#position);
    else {
      this.#items.noise(to - from);
      this.#connection.passBody(to - from, this.#items);
    }
  }

  /** The message under way is over; `reason`: not heard to its end, and why. */
  #endMessage(reason: LossReason | undefined): void {
    const state = this.#state;
    this.#body?.end(reason);
    this.#body = undefined;
    this.#state = undefined;
    this.#place = "head";
    if (state === undefined) return;
    if (reason !== undefined) state.isLost = true;
    if (this.#side === "response") state.responseDone = true;
    else {
      state.requestDone = true;
      // its body would have told
      if (!state.isLost && state.method !== "GET" && state.interest !== "mcp") {
        state.interest = "none";
      }
    }
    this.#connection.settle(state, this.#items);
  }

  /** Where the message ends, nobody can say: RFC 9112 wants the connection closed. */
  #break(): void {
    if (this.#state !== undefined) this.#state.isAmbiguous = true;
    this.#endMessage("unfinished_line");
    this.#seek(undefined);
    this.#missed();
  }

  /** A head over the limits: its exchange keeps its place in the order. */
  #loseHead(beginning: Head | undefined): void {
    const { channel } = this;
    const { timeNs } = this.#items;
    if (this.#side === "response") this.#state = this.#connection.answer();
    else if (this.#side === "request") {
      this.#state = this.#connection.makeExchange(channel, channel.reverse, timeNs);
      this.#connection.ask(this.#state, this.#items);
      if (beginning?.status === 0) this.#readBeginning(this.#state, beginning);
    }
    this.#endMessage("line_too_long");
    this.#seek("line_too_long");
  }

  /** A request whose head is lost, to where MCP is spoken, is one of MCP's all the same. */
  #readBeginning(state: ExchangeState, beginning: Head): void {
    const request = this.#messages.request(beginning);
    state.setRequest(request);
    const { endpoints } = this.#connection.memory;
    const isMcp = interestOf(beginning, request, endpoints) === "mcp";
    if (isMcp) this.#connection.believe(state, this.#items);
  }

  /** What is unfinished is lost. `mayGoOn`: events may be found again behind a hole. */
  #giveUp(reason: LossReason, mayGoOn: boolean): void {
    this.#items.lose(this.#head.length, reason);
    this.#head.clear();
    const isStream = this.#body instanceof EventBody;
    if (mayGoOn && isStream && (this.#place === "body" || this.#place === "seek")) {
      this.#body?.cut(reason, true);
    } else this.#endMessage(reason);
    this.#seek(reason);
  }

  /** Messages may have gone by unheard. */
  #missed(): void {
    if (this.#side === "request") this.#connection.missRequests();
    else if (this.#side === "response") this.#connection.missAnswers(this.#items);
  }

  #seek(reason: LossReason | undefined): void {
    this.#place = "seek";
    this.#seekReason = reason;
  }

  /** A read mostly begins with the message, or with the chunk of an event stream that began before. */
  #find(bytes: Buffer): void {
    const found = readResume(bytes);
    if (found === undefined) return;
    const side = found === "request" ? "request" : "response";
    if (side !== (this.#side ?? side)) return;
    if (found !== "events") {
      if (this.#state !== undefined) this.#endMessage("cut_by_gap");
      this.#place = "head";
      return;
    }
    if (this.#side === undefined) this.#learnSide("response");
    this.#state ??= this.#makeOrphan();
    this.#state.isLost = true;
    this.#framing.start({ kind: "chunked" });
    this.#body ??= this.#bodies?.make("events", { state: this.#state, codings: [] });
    this.#place = "body";
  }

  #passSought(bytes: number): void {
    this.#items.spend(bytes, this.#seekReason);
    if (this.#side === undefined) this.#sought += bytes;
    this.#connection.passBody(bytes, this.#items);
  }

  #enterTunnel(): void {
    this.#items.noise(this.#head.length);
    this.#head.clear();
    if (this.#place === "body") this.#endMessage("unfinished_line");
    this.#place = "tunnel";
  }

  #learnSide(side: HttpSide): void {
    this.#side = side;
    this.#bodies = new Bodies({
      items: this.#items,
      held: this.#limits.held,
      maxBytes: this.#limits.maxBodyBytes,
      side,
      connection: () => this.#connection,
    });
    const { channel } = this;
    this.#connection.requestChannel ??= side === "request" ? channel : channel.reverse;
  }
}
