/** What a request is about: the name of its tool or prompt, or the URI of its resource. */
import type { Message } from "../../message/types.ts";
import { capText } from "../../text.ts";
import { asObject, asText } from "../json.ts";

/** Methods whose params name a tool, prompt, resource or skill (all dated versions, ext skills). */
const NAMED_METHODS: ReadonlySet<string> = new Set([
  "tools/call",
  "prompts/get",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "resources/directory/read",
  "notifications/resources/updated",
  "completion/complete",
  "skills/get",
]);

export function targetOf(message: Message): string | undefined {
  if (message.method === undefined || !NAMED_METHODS.has(message.method)) return undefined;
  const params = asObject(message.body);
  if (params === undefined) return undefined;
  const ref = asObject(params.ref);
  const text =
    asText(params.name) ??
    asText(params.uri) ??
    (ref === undefined ? undefined : (asText(ref.name) ?? asText(ref.uri)));
  return text === undefined ? undefined : capText(text);
}
