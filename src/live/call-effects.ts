/** Lines about calls, and what processes do, in; the same lines with what each call caused out. */
import type { ProcessDirectory } from "../capture/types.ts";
import { EffectStage } from "../effects/effect-stage.ts";
import type { Effect, EffectInput, EffectOutput } from "../effects/types.ts";
import type {
  CallLine,
  EffectLine,
  ExchangeItem,
  MessageLine,
  Session,
} from "../exchange/types.ts";
import type { Message } from "../message/types.ts";
import { isProcess } from "../party.ts";

/** What an effect's line says of its call. */
interface Call {
  readonly session: Session;
  readonly idText: string;
  readonly method: string;
  readonly target: string | undefined;
}

export class CallEffects {
  readonly #stage: EffectStage<Call>;
  /** By their requests, of which call lines have copies. */
  readonly #calls = new Map<string, Call>();
  #late: EffectLine[] = [];

  /** `onServed`: told of each process that works for a server when that is met. */
  constructor(processes: ProcessDirectory, onServed: (pid: number) => void) {
    this.#stage = new EffectStage(processes, onServed);
  }

  /** Effects that are told of no call: there were too many. */
  get overflow(): number {
    return this.#stage.overflow;
  }

  push(event: Exclude<EffectInput<Call>, { kind: "call-begin" | "call-end" }>): void {
    this.#take(this.#stage.push(event));
  }

  /** Lines as the exchange makes them; an answer comes before the line of its call. */
  join(lines: readonly ExchangeItem[]): readonly ExchangeItem[] {
    const byAnswer = new Map<Message, readonly Effect[]>();
    const byCall = new Map<CallLine, readonly Effect[]>();
    for (const line of lines) {
      if (line.kind === "message") this.#begin(line);
      if (line.kind !== "call") continue;
      const effects = this.#end(line);
      if (effects.length === 0) continue;
      byCall.set(line, effects);
      if (line.response !== undefined) byAnswer.set(line.response, effects);
    }
    const late = this.take();
    if (byCall.size === 0) return late.length === 0 ? lines : [...late, ...lines];
    const joined = lines.map((line) => {
      if (line.kind === "call") return { ...line, effects: byCall.get(line) };
      const effects = line.kind === "message" ? byAnswer.get(line.message) : undefined;
      return line.kind === "message" && effects !== undefined ? { ...line, effects } : line;
    });
    return [...late, ...joined];
  }

  /** What has come of calls that had ended, since the last call. */
  take(): readonly EffectLine[] {
    return this.#late.length === 0 ? this.#late : this.#late.splice(0);
  }

  end(): readonly EffectLine[] {
    this.#take(this.#stage.end());
    return this.take();
  }

  #begin({ message, session, direction, to, target }: MessageLine): void {
    const { type, idText, method = "", frame } = message;
    if (type !== "request" || direction !== "client-to-server" || idText === undefined) return;
    if (!isProcess(to)) return;
    const call = { session, idText, method, target };
    this.#calls.set(keyOf(message), call);
    const timeNs = frame.timeNs;
    this.#take(this.#stage.push({ kind: "call-begin", call, idText, server: to, timeNs }));
  }

  #end({ request, response, timeNs }: CallLine): readonly Effect[] {
    const key = keyOf(request);
    const call = this.#calls.get(key);
    if (call === undefined) return [];
    this.#calls.delete(key);
    // what the server does after it has answered is not for this call
    const endNs = response?.frame.sentNs ?? timeNs;
    return this.#take(this.#stage.push({ kind: "call-end", call, timeNs: endNs }));
  }

  /** Returns the effects of the call that ended. */
  #take(outputs: readonly EffectOutput<Call>[]): readonly Effect[] {
    let effects: readonly Effect[] = [];
    for (const output of outputs) {
      if (output.kind === "effects") effects = output.effects;
      else {
        const { call, effect } = output;
        this.#late.push({ kind: "effect", ...call, effect, timeNs: effect.timeNs });
      }
    }
    return effects;
  }
}

/** Where a request stands in the run. */
function keyOf({ frame, idText }: Message): string {
  return `${frame.channel.id} ${frame.endPosition} ${idText}`;
}
