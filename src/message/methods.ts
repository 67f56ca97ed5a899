/** A method's name in, who may send it in which version of the protocol out. Source: the dated schemas. */

export type SenderRole = "client" | "server";

/** Who sends a method in a version: the client, the server, or either. */
type Sender = SenderRole | "both";

/** `since` and `until` are versions, both included; an extension's methods have the version it is for. */
interface MethodRule {
  readonly sender: Sender;
  readonly since: string;
  readonly until: string;
}

/** Dated versions, oldest first. The SDKs also speak 2024-10-07, which is 2024-11-05 before its last review. */
const FIRST = "2024-10-07";
const LAST_LEGACY = "2025-11-25";
const MODERN = "2026-07-28";

const always = (sender: Sender): MethodRule[] => [{ sender, since: FIRST, until: MODERN }];
const legacy = (sender: Sender, since = FIRST): MethodRule[] => [
  { sender, since, until: LAST_LEGACY },
];
const modern = (sender: Sender): MethodRule[] => [{ sender, since: MODERN, until: MODERN }];
/** Both ends in the versions with a handshake, one of them since. */
const narrowed = (sender: Sender, since = FIRST): MethodRule[] => [
  ...legacy("both", since),
  ...modern(sender),
];

const METHODS: ReadonlyMap<string, readonly MethodRule[]> = new Map([
  ["initialize", legacy("client")],
  ["ping", legacy("both")],
  ["completion/complete", always("client")],
  ["logging/setLevel", legacy("client")],
  ["prompts/get", always("client")],
  ["prompts/list", always("client")],
  ["resources/list", always("client")],
  ["resources/templates/list", always("client")],
  ["resources/read", always("client")],
  ["resources/subscribe", legacy("client")],
  ["resources/unsubscribe", legacy("client")],
  ["tools/call", always("client")],
  ["tools/list", always("client")],
  ["server/discover", modern("client")],
  ["subscriptions/listen", modern("client")],
  // In 2026-07-28 these three only stand inside a result's inputRequests.
  ["sampling/createMessage", legacy("server")],
  ["roots/list", legacy("server")],
  ["elicitation/create", legacy("server", "2025-06-18")],
  // 2025-11-25, and the extension io.modelcontextprotocol/tasks of 2026-07-28.
  ["tasks/get", narrowed("client", LAST_LEGACY)],
  ["tasks/cancel", narrowed("client", LAST_LEGACY)],
  ["tasks/result", legacy("both", LAST_LEGACY)],
  ["tasks/list", legacy("both", LAST_LEGACY)],
  ["tasks/update", modern("client")],
  // SEP-2640, as SDK 2.4.0 has it.
  ["skills/list", modern("client")],
  ["skills/get", modern("client")],
  ["resources/directory/read", modern("client")],
  ["notifications/cancelled", always("both")],
  ["notifications/progress", narrowed("server")],
  ["notifications/initialized", legacy("client")],
  ["notifications/roots/list_changed", legacy("client")],
  ["notifications/message", always("server")],
  ["notifications/resources/list_changed", always("server")],
  ["notifications/resources/updated", always("server")],
  ["notifications/prompts/list_changed", always("server")],
  ["notifications/tools/list_changed", always("server")],
  ["notifications/tasks/status", legacy("both", LAST_LEGACY)],
  ["notifications/elicitation/complete", legacy("server", LAST_LEGACY)],
  ["notifications/subscriptions/acknowledged", modern("server")],
  ["notifications/tasks", modern("server")],
]);

/** What any version says of a method. `name` is the table's own string, so it shares no memory with a line. */
export interface KnownMethod {
  readonly name: string;
  readonly senderRoles: Sender;
}

const KNOWN: ReadonlyMap<string, KnownMethod> = new Map(
  [...METHODS].map(([name, rules]) => [name, { name, senderRoles: anySender(rules) }]),
);

/** The method's entry; undefined: it is in no dated version and no known extension. */
export function findMethod(method: string): KnownMethod | undefined {
  return KNOWN.get(method);
}

/** Whether `sender` may send `method` in `version` ("2025-06-18"; dates compare as text). */
export function isMethodOf(version: string, sender: SenderRole, method: string): boolean {
  const rules = METHODS.get(method) ?? [];
  return rules.some(
    (rule) =>
      rule.since <= version &&
      version <= rule.until &&
      (rule.sender === "both" || rule.sender === sender),
  );
}

function anySender(rules: readonly MethodRule[]): Sender {
  const [first] = rules;
  const same = first !== undefined && rules.every((rule) => rule.sender === first.sender);
  return same ? first.sender : "both";
}
