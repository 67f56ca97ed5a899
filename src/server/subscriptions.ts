/** Changes of resources in; notifications to one client, as its era has them, out. */
import type { McpRequestContext, McpServer } from "@modelcontextprotocol/server";
import type { Changes } from "./changes.ts";
import { MAX_SUBSCRIBED } from "./limits.ts";

/**
 * Legacy era: told unasked that the list changed, and of the URIs that were subscribed to. Modern era over stdio: told all,
 * the SDK passes on what is asked for in subscriptions/listen. Modern era over HTTP: the server lives for one request, and
 * the handler itself tells (http/serve-http.ts).
 */
export function watchResources(
  mcp: McpServer,
  changes: Changes,
  { era, requestInfo }: McpRequestContext,
): void {
  if (era === "modern" && requestInfo !== undefined) return;
  const isAsked = era === "modern" ? () => true : acceptSubscriptions(mcp);
  const { server } = mcp;
  // a client that has gone is told nothing
  const ignore = () => undefined;
  const listen = () =>
    changes.listen({
      resourcesChanged: () => void server.sendResourceListChanged().catch(ignore),
      resourceUpdated: (uri) => {
        if (isAsked(uri)) server.sendResourceUpdated({ uri }).catch(ignore);
      },
    });
  if (era === "modern") {
    server.onclose = listen();
    return;
  }
  // not before: the era allows no notification to a client that has not said so
  server.oninitialized = () => {
    server.onclose?.();
    server.onclose = listen();
  };
}

/** Whether a URI is subscribed to. */
function acceptSubscriptions({ server }: McpServer): (uri: string) => boolean {
  const subscribed = new Set<string>();
  server.setRequestHandler("resources/subscribe", ({ params }) => {
    if (subscribed.size >= MAX_SUBSCRIBED) {
      throw new Error(`Cannot subscribe: ${MAX_SUBSCRIBED} resources are subscribed to already`);
    }
    subscribed.add(params.uri);
    return {};
  });
  server.setRequestHandler("resources/unsubscribe", ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
  return (uri) => subscribed.has(uri);
}
