/** Requests that were sent in one direction of a session in, the one that an answer belongs to out. */
import type { Call } from "./call.ts";
import { CallList } from "./call-list.ts";
import { idKey } from "./id-key.ts";
import { tellApart } from "./result-shape.ts";

/** How many calls with one key, or of one place, are looked through for the same id text. */
const MAX_SEARCHED = 16;
/** The same where a batch is too long to be looked through: other places' calls with the key stand between. */
const MAX_TWINS_OF_BATCH = 1_024;

export class WaitingCalls {
  /** Calls in total. */
  size = 0;
  heldBytes = 0;
  /** Calls that are neither answered nor cancelled. */
  open = 0;
  readonly #byKey = new CallList<string>((call) => call.twins);
  readonly #byPlace = new CallList<object>((call) => call.companions);
  readonly #byToken = new Map<string, Call>();

  add(call: Call): void {
    this.#byKey.add(call.key, call);
    if (call.place !== undefined) this.#byPlace.add(call.place, call);
    if (call.token !== undefined) this.#byToken.set(call.token, call);
    this.size++;
    this.open++;
    this.heldBytes += call.heldBytes;
  }

  has(key: string): boolean {
    return this.#byKey.first(key) !== undefined;
  }

  find(key: string): Call | undefined {
    return this.#byKey.first(key);
  }

  findByToken(token: string): Call | undefined {
    return this.#byToken.get(token);
  }

  /** Removes the call that an answer with this id belongs to: the one that its result tells, else the oldest with its very
   * text, else the oldest; then it and those that it may as well be for are marked. */
  take(idText: string, result?: unknown): Call | undefined {
    const first = this.#byKey.first(idKey(idText));
    if (first?.twins.after === undefined) return first && this.remove(first);
    const twins = twinsFrom(first);
    const told = twins.length < MAX_SEARCHED ? tellApart(twins, result) : undefined;
    if (told !== undefined) return this.remove(told);
    const alike = twins.filter((call) => call.idText === idText);
    // what was cancelled is seldom answered
    return this.#guess(alike.find((call) => !call.cancelled) ?? alike[0] ?? first);
  }

  /** As `take`, of the calls that were asked in this place only. */
  takeAt(place: object, idText: string): Call | undefined {
    const key = idKey(idText);
    let fit: Call | undefined;
    let call = this.#byPlace.first(place);
    for (let searched = 0; call !== undefined && searched < MAX_SEARCHED; searched++) {
      if (call.idText === idText) return this.#guess(call, place);
      if (fit === undefined && call.key === key) fit = call;
      call = call.companions.after;
    }
    // a long batch, answered in another order
    if (fit === undefined && call !== undefined) fit = this.#findAt(place, key, idText);
    return fit === undefined ? undefined : this.#guess(fit, place);
  }

  /** Removes one of those with its key; of a batch they stand beside each other. */
  #guess(call: Call, place?: object): Call {
    for (const twin of [call.twins.before, call.twins.after]) {
      if (twin === undefined || (place !== undefined && twin.place !== place)) continue;
      twin.isAmbiguous = true;
      call.isAmbiguous = true;
    }
    return this.remove(call);
  }

  #findAt(place: object, key: string, idText: string): Call | undefined {
    let fit: Call | undefined;
    let call = this.#byKey.first(key);
    for (let searched = 0; call !== undefined && searched < MAX_TWINS_OF_BATCH; searched++) {
      if (call.place === place && call.idText === idText) return call;
      if (fit === undefined && call.place === place) fit = call;
      call = call.twins.after;
    }
    return fit;
  }

  findByTokenAt(place: object, token: string): Call | undefined {
    let call = this.#byPlace.first(place);
    for (let searched = 0; call !== undefined && searched < MAX_SEARCHED; searched++) {
      if (call.token === token) return call;
      call = call.companions.after;
    }
    return undefined;
  }

  /** The call that was asked in this place, when there is exactly one. */
  onlyAt(place: object): Call | undefined {
    const call = this.#byPlace.first(place);
    return call?.companions.after === undefined ? call : undefined;
  }

  firstAt(place: object): Call | undefined {
    return this.#byPlace.first(place);
  }

  cancel(call: Call): void {
    if (call.cancelled) return;
    call.cancelled = true;
    this.open--;
  }

  /** Removes the call that has waited longest. */
  takeOldest(): Call | undefined {
    for (const { first } of this.#byKey.firsts()) return this.remove(first);
    return undefined;
  }

  /** The only open call, when there is exactly one and it is quickly found. */
  onlyOpen(): Call | undefined {
    if (this.open !== 1 || this.size > MAX_SEARCHED) return undefined;
    for (const call of this.all()) if (!call.cancelled) return call;
    return undefined;
  }

  *all(): Generator<Call> {
    for (const { first } of this.#byKey.firsts()) {
      for (let call: Call | undefined = first; call !== undefined; call = call.twins.after) {
        yield call;
      }
    }
  }

  /** `call` is one of these. */
  remove(call: Call): Call {
    this.#byKey.remove(call.key, call);
    if (call.place !== undefined) this.#byPlace.remove(call.place, call);
    if (call.token !== undefined && this.#byToken.get(call.token) === call) {
      this.#byToken.delete(call.token);
    }
    this.size--;
    if (!call.cancelled) this.open--;
    this.heldBytes -= call.heldBytes;
    return call;
  }
}

/** Itself and those with its key that came after it, as far as they are looked through. */
function twinsFrom(first: Call): readonly Call[] {
  const twins: Call[] = [];
  let call: Call | undefined = first;
  while (call !== undefined && twins.length < MAX_SEARCHED) {
    twins.push(call);
    call = call.twins.after;
  }
  return twins;
}
