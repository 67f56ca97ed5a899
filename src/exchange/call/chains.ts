/**
 * Joins the requests of one `input_required` exchange, which change their id each time.
 * In: answers that ask for input, then requests that bring it. Out: the chain's first id text.
 * Source: MCP 2026-07-28, InputRequiredResult.
 */
import type { Message } from "../../message/types.ts";
import { RecentMap } from "../../recent-map.ts";
import { capText, copyText } from "../../text.ts";
import { asObject, asText } from "../json.ts";
import type { Call } from "./call.ts";

/** Chains that wait for their next request, per session. */
const MAX_WAITING = 256;
/** A longer state is told apart by its length and both ends. */
const MAX_STATE_CHARS = 2_048;
/** A longer id begins no chain. */
const MAX_ID_CHARS = 256;

export class Chains {
  readonly #byState = new RecentMap<string, string>(MAX_WAITING);
  readonly #byName = new RecentMap<string, string>(MAX_WAITING);

  /** The answer to `call` asks for input. Returns the chain; undefined: its id is too long to be kept. */
  await(call: Call, body: unknown): string | undefined {
    if (call.chain === undefined && call.idText.length > MAX_ID_CHARS) return undefined;
    const chain = call.chain ?? copyText(call.idText);
    const state = asText(asObject(body)?.requestState);
    if (state !== undefined) this.#byState.set(stateKey(state), chain);
    this.#byName.set(nameKey(call.method, call.target), chain);
    return chain;
  }

  /** The chain that a request continues, if it brings input or a state. */
  continue(message: Message, target: string | undefined): string | undefined {
    const params = asObject(message.body);
    if (params === undefined || message.method === undefined) return undefined;
    const state = asText(params.requestState);
    if (state === undefined && params.inputResponses === undefined) return undefined;
    const name = nameKey(message.method, target);
    const known = state === undefined ? undefined : this.#byState.get(stateKey(state));
    const chain = known ?? this.#byName.get(name);
    // a state may be sent again after a failure; a name is used up, the next call has a new chain
    if (this.#byName.get(name) === chain) this.#byName.delete(name);
    return chain;
  }
}

function nameKey(method: string, target: string | undefined): string {
  return copyText(`${capText(method)}\n${target ?? ""}`);
}

function stateKey(state: string): string {
  if (state.length <= MAX_STATE_CHARS) return state;
  const half = MAX_STATE_CHARS / 2;
  return copyText(`${state.length}:${state.slice(0, half)}${state.slice(-half)}`);
}
