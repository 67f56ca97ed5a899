/** What the status of an answer means for the messages of its exchange. */
import type { HttpExchange } from "../../../framing/types.ts";
import type { SessionState } from "../session-state.ts";

const ACCEPTED = 202;
const ERROR_STATUS = 400;

export function isRefused({ response }: HttpExchange): boolean {
  return response !== undefined && response.status >= ERROR_STATUS;
}

/** The answers to what was asked are not to come in this exchange. */
export function isAccepted(exchange: HttpExchange, state: SessionState | undefined): boolean {
  if (exchange.response?.status === ACCEPTED) return true;
  return state?.answersOnStream === true && !isRefused(exchange);
}
