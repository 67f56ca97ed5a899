/** Recorded lines in, exchange items and a summary out: the rooms of a replay, without files. */
import type { Channel } from "../capture/types.ts";
import { SummaryCollector } from "../exchange/summary.ts";
import type { ExchangeItem, OpenCall, Session, Summary } from "../exchange/types.ts";
import { RecentMap } from "../recent-map.ts";
import { Rooms } from "../rooms.ts";
import { type Fields, textField } from "./fields.ts";
import { readEffects } from "./rebuild-effects.ts";
import { type RebuildCounts, RebuildStage, type ReplayItem } from "./rebuild-stage.ts";
import { memberText } from "./rebuild-text.ts";
import { parseTimestamp, type RecordedClock } from "./recorded-time.ts";

/** A file may hold several runs of the tool, each closed by its summary; their sessions never mix. */
interface RecordedRun {
  readonly rebuild: RebuildStage;
  readonly rooms: Rooms;
  /** By its recorded id, as its last call showed it: recorded effects that come later are of the same. */
  readonly called: RecentMap<string, Session>;
}

const MAX_CALLED = 4096;

export class ReplayRun {
  readonly counts: RebuildCounts = { messages: 0, rebuilt: 0, malformed: 0, unknown: 0 };
  /** Lines that meant something to us. */
  readable = 0;
  readonly #clock: RecordedClock;
  readonly #allJsonrpc: boolean;
  #run: RecordedRun | undefined;
  #summary: SummaryCollector | undefined;
  #taken: ExchangeItem[] = [];
  #hasSessionLine = false;
  /** Lines at the end that are not given out yet: the next one that is read may say what their call caused. */
  #held = 0;
  readonly #endedOpen: OpenCall[] = [];
  #endedNoise = 0;
  #recordedNoise = 0;
  #firstNs: number | undefined;
  #lastNs = 0;

  constructor(clock: RecordedClock, allJsonrpc: boolean) {
    this.#clock = clock;
    this.#allJsonrpc = allJsonrpc;
  }

  push(line: Fields): void {
    const before = this.counts.malformed + this.counts.unknown;
    this.#noteTime(line);
    if (textField(line, "kind") === "call") this.#addEffects(line);
    this.#held = 0;
    const { rebuild, rooms } = this.#open();
    for (const item of rebuild.push(line)) this.#pass(rooms, item);
    if (this.counts.malformed + this.counts.unknown === before) this.readable++;
    if (textField(line, "kind") === "summary") this.end();
  }

  /** The recording of one run is over; another one may follow. */
  end(): void {
    if (this.#run === undefined) return;
    const { rebuild, rooms } = this.#run;
    for (const item of rebuild.end()) this.#pass(rooms, item);
    rooms.end();
    this.#held = 0;
    this.#endedOpen.push(...rooms.exchange.openCalls());
    this.#endedNoise += rooms.exchange.noiseBytes;
    this.#run = undefined;
  }

  /** What has come out since the last call. */
  take(): readonly ExchangeItem[] {
    const taken = this.#taken;
    this.#taken = this.#held > 0 ? taken.splice(taken.length - this.#held) : [];
    this.#hasSessionLine = this.#taken.some(({ kind }) => kind === "session");
    return taken;
  }

  /** What waits to be taken shows a session as it is now. */
  get hasSessionLine(): boolean {
    return this.#hasSessionLine;
  }

  summary(endedBy: string): Summary {
    return this.#collector().make(undefined, endedBy, this.#lastNs);
  }

  #noteTime(line: Fields): void {
    const micros = parseTimestamp(textField(line, "timestamp"));
    if (micros === undefined) return;
    const timeNs = this.#clock.toNs(micros);
    this.#firstNs ??= timeNs;
    this.#lastNs = Math.max(this.#lastNs, timeNs);
  }

  #open(): RecordedRun {
    if (this.#run !== undefined) return this.#run;
    const rebuild = new RebuildStage(this.#clock, this.counts);
    const firstNs = this.#lastNs;
    const listenNs = (channel: Channel, sessionId: string) => {
      const late = rebuild.lateAttach(channel, sessionId);
      if (late === undefined) return firstNs;
      return late ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    };
    const give = (lines: readonly ExchangeItem[]) => this.#keep(lines);
    const rooms = new Rooms({ allJsonrpc: this.#allJsonrpc, listenNs, give });
    this.#run = { rebuild, rooms, called: new RecentMap(MAX_CALLED) };
    return this.#run;
  }

  #pass(rooms: Rooms, item: ReplayItem): void {
    if (item.kind === "effect") {
      const session = this.#run?.called.get(item.session.id) ?? item.session;
      this.#keep([{ ...item, session }]);
    } else if (item.kind === "noise" && "lines" in item) {
      this.#recordedNoise += item.bytes;
      this.#keep([item]);
    } else if (item.kind === "coverage" || item.kind === "connection") {
      this.#keep([item]);
      const { kind, timeNs } = item;
      // messages that were none: no line about noise tells of them
      if (kind === "coverage" && item.reason === "stderr") this.#recordedNoise += item.bytes;
      const isDeaf = kind === "coverage" && item.reason === "set_aside";
      if (isDeaf && item.channel !== undefined) rooms.exchange.deafen(item.channel, timeNs);
    } else rooms.pushRecorded(item);
  }

  #keep(items: readonly ExchangeItem[]): void {
    if (items.length === 0) return;
    this.#collector().observe(items);
    for (const item of items) {
      this.#taken.push(item);
      this.#hasSessionLine ||= item.kind === "session";
    }
    this.#held = items.some(({ kind }) => kind === "call") ? this.#held + items.length : 0;
  }

  /** A call is made again from its messages; its recorded line, the next one, has what it caused. */
  #addEffects(line: Fields): void {
    const effects = readEffects(line, this.#clock);
    const idText = memberText(line, "id");
    const method = textField(line, "method");
    // the one that was answered last: its line follows
    const at = this.#taken.findLastIndex(
      (item) => item.kind === "call" && item.request.idText === idText && item.method === method,
    );
    const call = this.#taken[at];
    if (call?.kind !== "call") return;
    this.#run?.called.set(textField(line, "session") ?? "", call.session);
    if (effects.length === 0) return;
    this.#taken[at] = { ...call, effects };
    const answer = this.#taken.findLastIndex(
      (item) => item.kind === "message" && item.message === call.response,
    );
    const said = this.#taken[answer];
    if (said?.kind === "message") this.#taken[answer] = { ...said, effects };
    const { session, target } = call;
    this.#collector().observe(
      effects.map((effect) => {
        const { timeNs } = effect;
        return {
          kind: "effect",
          session,
          idText: idText ?? "null",
          method: call.method,
          target,
          effect,
          timeNs,
        };
      }),
    );
  }

  #collector(): SummaryCollector {
    this.#summary ??= new SummaryCollector(this.#openEnds(), {
      startNs: this.#firstNs ?? 0,
      replay: true,
    });
    return this.#summary;
  }

  /** Of all runs in the recording, the one that is read included. */
  #openEnds() {
    const open = () => this.#run?.rooms.exchange;
    const ended = this.#endedOpen;
    const endedNoise = () => this.#endedNoise + this.#recordedNoise;
    return {
      get noiseBytes() {
        return endedNoise() + (open()?.noiseBytes ?? 0);
      },
      // a recording has no line of what was no message
      httpBytes: 0,
      skippedBytes: 0,
      openCalls: () => [...ended, ...(open()?.openCalls() ?? [])],
    };
  }
}
