/** A request in; the refusal that its Host, Origin or token calls for, or nothing, out. */
import { createHash, timingSafeEqual } from "node:crypto";
import {
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  validateHostHeader,
  validateOriginHeader,
} from "@modelcontextprotocol/server";

export interface GuardOptions {
  /** Names and addresses, beside those of loopback, that requests may be addressed to; undefined: any. */
  readonly hostnames: readonly string[] | undefined;
  /** What every request must bear; undefined: none is needed. */
  readonly token: string | undefined;
}

/** Decides before anything of the body is read. */
export function makeGuard(options: GuardOptions): (request: Request) => Response | undefined {
  const { hostnames, token } = options;
  const allowedHosts = [...localhostAllowedHostnames(), ...(hostnames ?? [])];
  const allowedOrigins = [...localhostAllowedOrigins(), ...(hostnames ?? [])];
  const isAllowed = token === undefined ? () => true : tokenCheck(token);
  return (request) => {
    // whoever knows the token is no web page that was led here by DNS
    if (hostnames !== undefined) {
      const host = validateHostHeader(request.headers.get("host"), allowedHosts);
      if (!host.ok) return forbidden(host.message);
    }
    const origin = validateOriginHeader(request.headers.get("origin"), allowedOrigins);
    if (!origin.ok) return forbidden(origin.message);
    if (isAllowed(request.headers.get("authorization"))) return undefined;
    return refusal(401, "Unauthorized: a bearer token is needed", {
      "WWW-Authenticate": 'Bearer realm="overhear"',
    });
  };
}

/** Takes as long for a wrong token as for a right one. */
function tokenCheck(token: string): (header: string | null) => boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const wanted = digest(token);
  return (header) => {
    const given = /^bearer +(\S+) *$/i.exec(header ?? "")?.[1];
    return given !== undefined && timingSafeEqual(digest(given), wanted);
  };
}

function forbidden(message: string): Response {
  return refusal(403, message);
}

/** JSON-RPC's form, and `message` for all others. */
export function refusal(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(
    { jsonrpc: "2.0", error: { code: -32000, message }, id: null },
    { status, headers: { ...headers } },
  );
}
