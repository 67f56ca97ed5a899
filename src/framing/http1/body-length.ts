/** A head in, where its body ends out. */
import type { Head } from "./head.ts";

/** Where a body ends. `unknown`: the head says so in a way that nobody can rely on. */
export type BodyLength =
  | { readonly kind: "none" | "chunked" | "close" | "tunnel" | "unknown" }
  | { readonly kind: "length"; readonly bytes: number };

const NONE: BodyLength = { kind: "none" };
const CHUNKED: BodyLength = { kind: "chunked" };
const CLOSE: BodyLength = { kind: "close" };
const TUNNEL: BodyLength = { kind: "tunnel" };
const UNKNOWN: BodyLength = { kind: "unknown" };

/** Source: RFC 9112, 6.3. */
export function requestBody(head: Head): BodyLength {
  if (head.transfer === "chunked") return CHUNKED;
  if (head.transfer === "other" || head.length === "bad") return UNKNOWN;
  return head.length === undefined || head.length === 0 ? NONE : byLength(head.length);
}

/** `method`: the request's, where it is known. Source: RFC 9112, 6.3. */
export function responseBody(head: Head, method: string | undefined): BodyLength {
  const { status } = head;
  if (status === 101 || (method === "CONNECT" && status >= 200 && status < 300)) return TUNNEL;
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return NONE;
  if (head.transfer === "chunked") return CHUNKED;
  if (head.transfer === "other") return CLOSE;
  if (head.length === "bad") return UNKNOWN;
  if (head.length === undefined) return CLOSE;
  return head.length === 0 ? NONE : byLength(head.length);
}

function byLength(bytes: number): BodyLength {
  return { kind: "length", bytes };
}
