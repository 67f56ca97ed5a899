/** Takes names, versions and capabilities out of the messages that tell them, in both eras. */
import { isTooDeep, mendSurrogates } from "../../json-readers.ts";
import type { Message } from "../../message/types.ts";
import { capText } from "../../text.ts";
import type { Call } from "../call/call.ts";
import { asObject, asText, type JsonObject, metaOf } from "../json.ts";
import { CLIENT_INFO, PROTOCOL_VERSION, SERVER_INFO } from "../meta-keys.ts";
import type { Mutable } from "../mutable.ts";
import type { PartyInfo, Session } from "../types.ts";
import { isInitializeResult } from "./roles.ts";

const CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
/** Capabilities are kept for as long as the session lives; those of longer messages are not looked at. */
const MAX_MESSAGE_CHARS = 65_536;
/** Longer ones, as JSON text, are not kept. */
const MAX_CAPABILITIES_CHARS = 8_192;

/** A request or a notification. Returns true when the session is known better than before. */
export function learnFromRequest(session: Mutable<Session>, message: Message): boolean {
  const params = asObject(message.body);
  if (params === undefined) return false;
  if (message.method === "initialize" && message.type === "request") {
    return learnInitialize(session, params, message);
  }
  const meta = metaOf(params);
  if (meta === undefined) return false;
  let changed = setClientInfo(session, meta[CLIENT_INFO]);
  const version = asText(meta[PROTOCOL_VERSION]);
  // server/discover probes: until it is answered, the server may be a legacy one
  if (version !== undefined && message.method !== "server/discover") {
    changed = setVersion(session, version) || changed;
    changed = setEra(session, "modern") || changed;
  }
  if (session.clientCapabilities === undefined) {
    session.clientCapabilities = capabilitiesText(meta[CLIENT_CAPABILITIES], message);
    changed = session.clientCapabilities !== undefined || changed;
  }
  return changed;
}

/** An answer without error; `call` is its request, when that was heard. */
export function learnFromResult(
  session: Mutable<Session>,
  message: Message,
  call: Call | undefined,
): boolean {
  const result = asObject(message.body);
  if (result === undefined) return false;
  // an id may be used again: what was asked first need not be what is answered
  const isInitialize =
    call === undefined || call.method === "server/discover"
      ? isInitializeResult(result)
      : call.method === "initialize";
  if (isInitialize) return learnServer(session, result, result.serverInfo, "legacy", message);
  const info = metaOf(result)?.[SERVER_INFO];
  if (call?.method !== "server/discover") return info !== undefined && setServerInfo(session, info);
  const discovered = { protocolVersion: call.askedVersion, capabilities: result.capabilities };
  return learnServer(session, discovered, info ?? result.serverInfo, "modern", message);
}

function learnInitialize(session: Mutable<Session>, params: JsonObject, message: Message): boolean {
  // the version asked for is not the version agreed on: that is in the answer
  session.clientCapabilities = capabilitiesText(params.capabilities, message);
  setClientInfo(session, params.clientInfo);
  setEra(session, "legacy");
  return true;
}

function learnServer(
  session: Mutable<Session>,
  result: JsonObject,
  info: unknown,
  era: "legacy" | "modern",
  message: Message,
): boolean {
  const version = asText(result.protocolVersion);
  if (version !== undefined) setVersion(session, version);
  setServerInfo(session, info);
  setEra(session, era);
  session.serverCapabilities = capabilitiesText(result.capabilities, message);
  return true;
}

/** As text: parsed they take many times as much memory. */
function capabilitiesText(value: unknown, { raw }: Message): string | undefined {
  if (value === undefined || raw.length > MAX_MESSAGE_CHARS) return undefined;
  const text = JSON.stringify(value);
  // what not every reader of JSON takes is in the message
  if (text.length > MAX_CAPABILITIES_CHARS || isTooDeep(text)) return undefined;
  return mendSurrogates(text);
}

function setVersion(session: Mutable<Session>, version: string): boolean {
  if (session.protocolVersion === version) return false;
  session.protocolVersion = capText(version);
  return true;
}

function setEra(session: Mutable<Session>, era: "legacy" | "modern"): boolean {
  if (session.era === era) return false;
  session.era = era;
  return true;
}

function setClientInfo(session: Mutable<Session>, value: unknown): boolean {
  const info = partyInfo(value, session.clientInfo);
  if (info === session.clientInfo) return false;
  session.clientInfo = info;
  return true;
}

function setServerInfo(session: Mutable<Session>, value: unknown): boolean {
  const info = partyInfo(value, session.serverInfo);
  if (info === session.serverInfo) return false;
  session.serverInfo = info;
  return true;
}

/** The known object is returned when nothing differs, so that every modern request costs two comparisons. */
function partyInfo(value: unknown, known: PartyInfo | undefined): PartyInfo | undefined {
  const object = asObject(value);
  const name = object === undefined ? undefined : asText(object.name);
  if (object === undefined || name === undefined) return known;
  const version = asText(object.version);
  if (known !== undefined && known.name === name && known.version === version) return known;
  return { name: capText(name), version: version === undefined ? undefined : capText(version) };
}
