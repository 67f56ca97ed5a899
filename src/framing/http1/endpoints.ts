/** Where MCP was spoken, so that a request there is heard before its body tells; forgets the oldest. */
import { RecentMap } from "../../recent-map.ts";
import type { HttpRequest } from "../types.ts";

const MAX_ENDPOINTS = 1024;

export class Endpoints {
  readonly #known = new RecentMap<string, true>(MAX_ENDPOINTS);

  has(request: HttpRequest): boolean {
    return this.#known.get(keyOf(request)) === true;
  }

  add(request: HttpRequest): void {
    this.#known.set(keyOf(request), true);
  }

  /** `uri` as the old transport's `endpoint` event gives it, relative to the request's target. */
  addUri(request: HttpRequest | undefined, uri: string): void {
    const base = `http://${request?.authority ?? "unknown"}`;
    const url = URL.parse(uri, URL.parse(request?.target ?? "/", base)?.href ?? base);
    if (url === null) return;
    // an authority without its default port, as clients send it
    const authority = url.origin === URL.parse(base)?.origin ? request?.authority : url.host;
    this.#known.set(`${authority ?? ""}${url.pathname}`, true);
  }
}

function keyOf({ authority, target }: HttpRequest): string {
  const query = target.indexOf("?");
  return `${authority ?? ""}${query < 0 ? target : target.slice(0, query)}`;
}
