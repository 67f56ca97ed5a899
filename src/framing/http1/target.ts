/** The target of a request and its Host in, whom it asks and for what out; never a user and password. */

/** Where a request goes. */
export interface Place {
  /** Host, or what the target says instead. */
  readonly authority: string | undefined;
  /** "/mcp?x=1"; of a target that is none of a path ("*", "host:443") the whole. */
  readonly target: string;
}

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\//i;
const AUTHORITY_END = /[/?#]/g;

/** Source: RFC 9112, 3.2. An absolute target's authority overrules Host. */
export function placeOf(target: string, host: string | undefined): Place {
  const authority = host === undefined ? undefined : withoutUser(host);
  if (target.startsWith("/") && target[1] !== "/") return { authority, target };
  const scheme = ABSOLUTE.exec(target);
  const from = scheme?.[0].length ?? (target.startsWith("//") ? 2 : 0);
  AUTHORITY_END.lastIndex = from;
  const to = AUTHORITY_END.exec(target)?.index ?? target.length;
  const own = withoutUser(target.slice(from, to));
  const rest = target.slice(to);
  if (scheme === null) return { authority, target: target.slice(0, from) + own + rest };
  return { authority: own, target: rest.startsWith("/") ? rest : `/${rest}` };
}

/** A password may hold an "@", a host none. */
function withoutUser(authority: string): string {
  return authority.slice(authority.lastIndexOf("@") + 1);
}
