/** Fields of one header block in, the same head as of an HTTP/1 message out. */
import type { HttpSide } from "../http1/connection.ts";
import { type Head, makeHead } from "../http1/head.ts";
import { isKeptField as isKeptRegular, readNamedField } from "../http1/head-fields.ts";

export interface Http2Head extends Head {
  /** undefined: none of its fields tells, as in trailers. */
  side: HttpSide | undefined;
  /** Not all of its fields are known. */
  isPartly: boolean;
}

const STATUS = /^\d{3}$/;
/** Fields of one connection have no place here: who forwards them to HTTP/1 may be tricked. Source: RFC 9113, 8.2.2. */
const MISPLACED: ReadonlySet<string> = new Set(["transfer-encoding", "upgrade"]);
/** Source: RFC 9113, 8.2.1. */
const UNSAFE = /[\0\r\n]/;

export function makeHttp2Head(): Http2Head {
  return { ...makeHead(), version: "2", side: undefined, isPartly: false };
}

/** Whether anything is made of fields of this name. */
export function isKeptField(name: string): boolean {
  return PSEUDO.has(name) || isKeptRegular(name);
}

export function takeField(name: string, value: string, head: Http2Head): void {
  if (UNSAFE.test(value)) head.isAmbiguous = true;
  const pseudo = PSEUDO.get(name);
  if (pseudo !== undefined) pseudo(value, head);
  else if (MISPLACED.has(name)) head.isAmbiguous = true;
  else readNamedField(name, value, head);
}

type PseudoReader = (value: string, head: Http2Head) => void;

/** Source: RFC 9113, 8.3. The first one counts. */
const PSEUDO: ReadonlyMap<string, PseudoReader> = new Map<string, PseudoReader>([
  [
    ":method",
    (value, head) => {
      take(head, "request", head.method !== "");
      head.method ||= value;
    },
  ],
  [
    ":path",
    (value, head) => {
      take(head, "request", head.target !== "");
      head.target ||= value;
    },
  ],
  [
    ":authority",
    (value, head) => {
      take(head, "request", head.authority !== undefined && head.authority !== value);
      head.authority ??= value;
    },
  ],
  [":scheme", (_value, head) => take(head, "request", false)],
  [
    ":status",
    (value, head) => {
      take(head, "response", head.status !== 0 || !STATUS.test(value));
      if (head.status === 0 && STATUS.test(value)) head.status = Number(value);
    },
  ],
]);

function take(head: Http2Head, side: HttpSide, isOdd: boolean): void {
  if (isOdd || (head.side !== undefined && head.side !== side)) head.isAmbiguous = true;
  head.side ??= side;
}
