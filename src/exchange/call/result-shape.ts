/** Calls with one id and a result in, the one that it must be for out, where its members tell. */
import { asObject } from "../json.ts";
import type { Call } from "./call.ts";

/** What the result of each method always has (all dated versions). */
const MEMBERS: ReadonlyMap<string, string> = new Map([
  ["completion/complete", "completion"],
  ["elicitation/create", "action"],
  ["initialize", "protocolVersion"],
  ["prompts/get", "messages"],
  ["prompts/list", "prompts"],
  ["resources/list", "resources"],
  ["resources/read", "contents"],
  ["resources/templates/list", "resourceTemplates"],
  ["roots/list", "roots"],
  ["sampling/createMessage", "role"],
  ["server/discover", "supportedVersions"],
  ["tools/call", "content"],
  ["tools/list", "tools"],
]);

/** undefined: more than one may have this result, or the result of one of them may be anything. */
export function tellApart(calls: Iterable<Call>, result: unknown): Call | undefined {
  const object = asObject(result);
  if (object === undefined) return undefined;
  let told: Call | undefined;
  for (const call of calls) {
    const member = MEMBERS.get(call.method);
    if (member === undefined) return undefined;
    if (!Object.hasOwn(object, member)) continue;
    if (told !== undefined) return undefined;
    told = call;
  }
  return told;
}
