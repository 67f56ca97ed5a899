/** The names under which a session over HTTP is found again. */
import type { Channel, Party } from "../../../capture/types.ts";
import type { HttpExchange, HttpRequest } from "../../../framing/types.ts";
import type { Message } from "../../../message/types.ts";
import { isProcess } from "../../../party.ts";
import { capText, copyText } from "../../../text.ts";
import { asObject, asText, metaOf } from "../../json.ts";
import { CLIENT_INFO } from "../../meta-keys.ts";

/** Longer session ids and paths are kept as their hash: a key is made for every exchange, and many are kept. */
const MAX_CHARS = 128;

export class SessionKeys {
  readonly #endpoints = new WeakMap<Channel, string>();
  readonly #numbers = new WeakMap<object, number>();
  #nextNumber = 1;

  /** The end that serves: its address and port, or the process where the connection has no such. */
  serverOf({ requestChannel, responseChannel }: HttpExchange, server: Party | undefined): string {
    const known = endpointChannel(requestChannel, responseChannel);
    const cached = known === undefined ? undefined : this.#endpoints.get(known);
    if (cached !== undefined) return cached;
    const end = requestChannel?.to ?? responseChannel?.from;
    if (known === undefined || end === undefined) return this.partyOf(server);
    const key = `${end.address}|${end.port}`;
    this.#endpoints.set(known, key);
    return key;
  }

  /** Several sessions may be one host's: its address is all that is known of it. */
  partyOf(party: Party | undefined): string {
    if (party === undefined) return "?";
    if (!isProcess(party)) return party.address;
    let number = this.#numbers.get(party);
    if (number === undefined) {
      number = this.#nextNumber++;
      this.#numbers.set(party, number);
    }
    return `#${number}`;
  }
}

function endpointChannel(
  request: Channel | undefined,
  response: Channel | undefined,
): Channel | undefined {
  if (request?.to !== undefined) return request;
  return response?.from === undefined ? undefined : response;
}

/** Mcp-Session-Id of the legacy era. */
export function idKey(server: string, sessionId: string): string {
  return `id ${server} ${short(sessionId)}`;
}

/** Where the old transport's client is to POST. `uri` is relative to `base`, the target of the event stream's request.
 * undefined: it is none. */
export function uriKey(server: string, uri: string, base: string): string | undefined {
  const url = URL.parse(uri, `http://host${base.startsWith("/") ? base : "/"}`);
  return url === null ? undefined : targetKey(server, `${url.pathname}${url.search}`);
}

export function targetKey(server: string, target: string): string {
  return `uri ${server} ${short(target)}`;
}

/** A client without a session id: who it is, whom it asks (several servers may be behind one address), and what it calls
 * itself. */
export function clientKey(
  client: string,
  server: string,
  info: string,
  request: HttpRequest | undefined,
): string {
  return `client ${client} ${server} ${short(endpointOf(request))} ${info}`;
}

/** "127.0.0.1:3001/mcp", without a blank. */
export function endpointOf(request: HttpRequest | undefined): string {
  if (request === undefined) return "?";
  const query = request.target.indexOf("?");
  const path = query < 0 ? request.target : request.target.slice(0, query);
  return `${request.authority ?? ""}${path}`.replaceAll(" ", "%20");
}

/** What a modern request says about its client; "": nothing. */
export function clientInfoOf(message: Message): string {
  const info = asObject(metaOf(message.body)?.[CLIENT_INFO]);
  if (info === undefined) return "";
  const name = capText(asText(info.name) ?? "");
  return copyText(`${name.length} ${name} ${capText(asText(info.version) ?? "")}`);
}

/** A copy, since it is cut from a head; texts that differ stay different. */
function short(text: string): string {
  if (text.length <= MAX_CHARS) return copyText(text);
  return new Bun.CryptoHasher("sha256").update(text).digest("base64");
}
