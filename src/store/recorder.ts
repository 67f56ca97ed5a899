/**
 * Exchange items in, batches of the rows that are stored of them out. Runs on the capture's thread: it copies what will
 * change and does nothing else; secrets are masked, and rows written, on another one (store-thread.ts).
 */

import type { Endpoint, Process } from "../capture/types.ts";
import type { ExchangeItem } from "../exchange/types.ts";
import type { WallClock } from "../sinks/types.ts";
import type { Batch } from "./batch.ts";
import { BatchBuilder } from "./batch-builder.ts";
import { ConnectionRows } from "./connection-rows.ts";
import { Dimensions, type Place } from "./dimensions.ts";
import { ExchangeRows } from "./exchange-rows.ts";
import { OwnServers } from "./own-servers.ts";
import { Segment } from "./segment.ts";
import { coverageRow, lossRow } from "./unheard-rows.ts";

export interface RecorderOptions {
  readonly clock: WallClock;
  readonly runId: number;
  /** The first id that is free. */
  readonly firstId: number;
  /** Of a message, UTF-8. */
  readonly maxBodyBytes: number;
  /** So much more of one that is cut: secrets are masked, and it is cut again, by the writer. */
  readonly bodyMargin: number;
  /** What one segment takes at most, roughly: retention removes whole ones. */
  readonly segmentBytes: number;
  /** A server of overhear itself. */
  readonly isOwn: (process: Process) => boolean;
  readonly isOwnEnd: (end: Endpoint) => boolean;
}

/** What there is room for: everything; all but messages; nothing. */
export type Room = "all" | "few" | "none";

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #dimensions = new Dimensions();
  readonly #own: OwnServers;
  #toldOwn = 0;
  readonly #connections: ConnectionRows;
  readonly #exchanges: ExchangeRows;
  #lastId: number;
  #segment: Segment | undefined;
  /** Where rows go now. */
  #current: Place | undefined;
  #droppedItems = 0;
  /** Bytes of messages that were dropped and that no row has told of yet; undefined: nothing was dropped. */
  #hole: number | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#lastId = options.firstId - 1;
    const { runId, maxBodyBytes, bodyMargin } = options;
    this.#own = new OwnServers(options.isOwn, options.isOwnEnd);
    this.#connections = new ConnectionRows(this.#dimensions, this.#own);
    this.#exchanges = new ExchangeRows({
      dimensions: this.#dimensions,
      own: this.#own,
      connections: this.#connections,
      runId,
      maxBodyBytes,
      bodyMargin,
    });
  }

  /** Items that found no room. */
  get droppedItems(): number {
    return this.#droppedItems;
  }

  /** Batches of these items, each of one segment; none where all was left out. `room`: asked before each item. */
  record(items: readonly ExchangeItem[], room: () => Room): readonly Batch[] {
    const batches: Batch[] = [];
    for (const item of items) {
      const left = room();
      if (left === "none" || (left === "few" && item.kind === "message")) {
        this.#drop(item);
        continue;
      }
      const timeNs = timeOf(item);
      const place = this.#place(timeNs, batches);
      if (this.#hole !== undefined) this.#tellHole(this.#hole, timeNs, place);
      this.#item(item, place);
      place.segment.note(timeNs, place.micros(timeNs), this.#lastId);
    }
    if (this.#segment !== undefined) {
      this.#dimensions.writeExits(this.#placeIn(this.#segment));
      this.#finishBatch(batches);
    }
    return batches;
  }

  #drop(item: ExchangeItem): void {
    this.#droppedItems++;
    this.#hole = (this.#hole ?? 0) + (item.kind === "message" ? item.message.bytes : 0);
  }

  /** What is missing is said where it is missing. */
  #tellHole(bytes: number, timeNs: number, place: Place): void {
    this.#hole = undefined;
    const ends = [null, null, null];
    place.out.plain("losses", [place.nextId(), place.micros(timeNs), "not_stored", bytes, ...ends]);
  }

  #item(item: ExchangeItem, place: Place): void {
    switch (item.kind) {
      case "message":
        this.#exchanges.message(item, place);
        return;
      case "session":
        this.#exchanges.session(item, place);
        return;
      case "call":
        this.#exchanges.call(item, place);
        return;
      case "waiting":
        // its row is open
        return;
      case "effect":
        if (!this.#exchanges.lateEffect(item, place)) this.#drop(item);
        return;
      case "noise":
        this.#exchanges.noise(item, place);
        return;
      case "http":
        this.#exchanges.http(item, place);
        return;
      case "coverage":
        place.out.plain("coverage", coverageRow(item, this.#dimensions, place));
        return;
      case "loss":
        place.out.plain("losses", lossRow(item, this.#dimensions, place));
        return;
      case "connection":
        this.#connections.connection(item, place);
        return;
    }
  }

  readonly #nextId = (): number => {
    this.#lastId++;
    return this.#lastId;
  };

  #place(timeNs: number, batches: Batch[]): Place {
    const offsetUs = this.#options.clock.toUnixMicros(timeNs) - Math.floor(timeNs / 1000);
    const current = this.#segment;
    if (current?.holds(timeNs, offsetUs) === true) return this.#placeIn(current);
    this.#finishBatch(batches);
    const next = new Segment(this.#nextId(), timeNs, offsetUs, this.#options.segmentBytes);
    this.#segment = next;
    return this.#placeIn(next);
  }

  #placeIn(segment: Segment): Place {
    this.#current ??= {
      out: new BatchBuilder(),
      segment,
      nextId: this.#nextId,
      micros: this.#micros,
    };
    return this.#current;
  }

  readonly #micros = (timeNs: number): number => this.#options.clock.toUnixMicros(timeNs);

  #finishBatch(batches: Batch[]): void {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    const { out, segment } = current;
    // sessions with overhear itself leave no row, but are counted
    if (out.isEmpty && this.#toldOwn === this.#own.sessions) return;
    this.#toldOwn = this.#own.sessions;
    const batch = out.build(segment.row(), this.#own.sessions, this.#droppedItems);
    segment.addBytes(batch.bytes);
    batches.push(batch);
  }
}

function timeOf(item: ExchangeItem): number {
  return item.kind === "message" ? item.message.frame.timeNs : item.timeNs;
}
