/** Who acted last for each side of a session over HTTP: several processes may go on with one. */
import type { Party } from "../../../capture/types.ts";
import type { SessionState } from "../session-state.ts";

export function latestClient({ first, second }: SessionState): Party | undefined {
  return first.writer ?? second.reader;
}

export function latestServer({ first, second }: SessionState): Party | undefined {
  return second.writer ?? first.reader;
}
