/** A reason of loss in, whether the peers made it or this tool out. */

/**
 * What the peers made: nobody read it, or its writer stopped in the middle (a server that crashes, a connection that is
 * cut). All of it that was there to be heard was heard.
 */
export function isMadeByPeers(reason: string): boolean {
  return reason === "unread" || reason === "unfinished_line";
}
