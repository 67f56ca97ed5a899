/** A direction that was heard and a new channel in, how well the channel answers it out. */
import type { Party } from "../../../capture/types.ts";
import type { Message } from "../../../message/types.ts";
import { idKey } from "../../call/id-key.ts";
import { isSentBack } from "../echoes.ts";
import { STATED, statesClient } from "../roles.ts";
import type { Side } from "../session-state.ts";
import { areKin } from "./kinship.ts";

/** The best and oldest one is taken; what is no more than likely must be the only one. */
export type Fit = 0 | 1 | 2 | 3 | 4 | 5;

export const UNFIT: Fit = 0;
/** One end is not known, someone else reads what only a server says, or all ends of the answer are others, of one pipeline
 * (`gen | tee | server | tee | jq`). */
const LOOSE: Fit = 1;
/** One end is the same; the other is two processes that belong together (`tee | server | tee`). */
const KIN: Fit = 2;
/** The answer fits, and one end is the same: someone else reads it (`echo … | server | jq`), or kin writes it. */
const ANSWERS: Fit = 3;
const SAME_PROCESSES: Fit = 4;
const SAME_PROCESSES_AND_ANSWERS: Fit = 5;

/** Of several that fit no better each may be it. */
export function isSure(fit: Fit): boolean {
  return fit >= ANSWERS;
}

/** Whether two processes take part in one session, so that what one is asked may come back from the other. */
export type AreJoined = (one: Party | undefined, other: Party | undefined) => boolean;

/** How well the channel writer → reader answers the direction `heard`. */
export function fitOf(
  heard: Side,
  writer: Party | undefined,
  message: Message,
  areJoined: AreJoined,
): Fit {
  if (contradictsRoles(heard, message)) return UNFIT;
  const { reader } = message.frame;
  const same = {
    reader: heard.writer === reader || heard.party === reader,
    writer: heard.reader === writer,
  };
  const answers = isAnswered(heard, message);
  if (same.reader && same.writer) return answers ? SAME_PROCESSES_AND_ANSWERS : SAME_PROCESSES;
  if (answers && same.writer) return ANSWERS;
  if (isLoose(heard, writer, message, same)) return LOOSE;
  if (answers && areJoined(heard.reader, writer)) return same.reader ? ANSWERS : LOOSE;
  if (!areKinInOne(heard, writer, reader, same)) return UNFIT;
  return answers ? ANSWERS : KIN;
}

/** Which ends of the channel are those of the direction that was heard. */
interface SameEnds {
  readonly reader: boolean;
  readonly writer: boolean;
}

function isLoose(
  heard: Side,
  writer: Party | undefined,
  message: Message,
  same: SameEnds,
): boolean {
  const oneUnknown =
    (writer === undefined && same.reader) || (heard.writer === undefined && same.writer);
  const isFromServer = message.senderRoles === "server" && heard.state.client === heard;
  return oneUnknown || (isFromServer && same.writer);
}

/** One end is the same, the other one writes and reads through two processes that belong together. */
function areKinInOne(
  heard: Side,
  writer: Party | undefined,
  reader: Party,
  same: SameEnds,
): boolean {
  if (same.reader) return areKin(heard.reader, writer, reader);
  return same.writer && areKin(heard.writer, reader, writer);
}

function isAnswered(heard: Side, { method, idText }: Message): boolean {
  return method === undefined && idText !== undefined && heard.calls.has(idKey(idText));
}

/** Both ends say that they are the client: these are two sessions, unless a terminal only sends back what one says. */
function contradictsRoles(heard: Side, message: Message): boolean {
  const state = heard.state;
  const isTwice = state.certainty === STATED && state.client === heard && statesClient(message);
  return isTwice && !isSentBack(heard, message);
}
