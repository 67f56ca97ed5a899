/** A method or a result in, whether MCP speaks like that out. */
import type { KnownMethod } from "./methods.ts";

/**
 * Beginnings of method names of other protocols that run over stdio or pipes: LSP and its
 * relatives (BSP, DAP bridges), the Agent Client Protocol, Ethereum's JSON-RPC.
 */
const FOREIGN =
  /^(?:\$\/|(?:textDocument|workspace|window|client|telemetry|notebookDocument|callHierarchy|typeHierarchy|inlayHint|inlineValue|codeAction|codeLens|completionItem|documentLink|workspaceSymbol|build|buildTarget|debugSession|session|fs|terminal|thread|turn|item)\/|(?:shutdown|exit|initialized|authenticate)$|(?:eth|net|web3|debug|engine|txpool|personal|admin|trace|erigon|parity)_[a-zA-Z])/;

const EXTENSION_PREFIX = "io.modelcontextprotocol/";

/** True: MCP's; false: another protocol's; undefined: cannot be told from the method. */
export function isMcpMethod(
  known: KnownMethod | undefined,
  method: string,
  params: unknown,
): boolean | undefined {
  // LSP and the Agent Client Protocol have an "initialize" too; only MCP's version is a string.
  if (method === "initialize") return speaksOfVersion(params);
  // a keepalive of many protocols
  if (method === "ping") return undefined;
  if (known !== undefined) return true;
  if (FOREIGN.test(method)) return false;
  return isObject(params) && hasExtensionMeta(params) ? true : undefined;
}

/** True: only MCP's results look like this; undefined: cannot be told. */
export function isMcpResult(result: unknown): true | undefined {
  if (!isObject(result)) return undefined;
  // the commonest first
  if (isListOfObjects(result["content"])) return true;
  const { protocolVersion, capabilities, resultType, contents, completion } = result;
  const { model, role, action } = result;
  const isMcp =
    (typeof protocolVersion === "string" && isObject(capabilities)) ||
    typeof resultType === "string" ||
    isListOfObjects(result["tools"]) ||
    isListOfObjects(result["resources"]) ||
    isListOfObjects(result["resourceTemplates"]) ||
    isListOfObjects(result["prompts"]) ||
    isListOfObjects(result["messages"]) ||
    isListOfObjects(result["roots"]) ||
    // LSP's hover has contents as well, of strings or language blocks.
    isListOfObjects(contents, "uri") ||
    isCompletion(completion) ||
    (typeof model === "string" && typeof role === "string") ||
    action === "accept" ||
    action === "decline" ||
    action === "cancel" ||
    hasExtensionMeta(result);
  return isMcp || undefined;
}

function speaksOfVersion(params: unknown): boolean | undefined {
  if (!isObject(params)) return undefined;
  const { protocolVersion } = params;
  if (typeof protocolVersion === "string") return true;
  const isForeign = protocolVersion !== undefined || "processId" in params || "rootUri" in params;
  return isForeign ? false : undefined;
}

function hasExtensionMeta(value: Readonly<Record<string, unknown>>): boolean {
  const { _meta: meta } = value;
  return isObject(meta) && Object.keys(meta).some((key) => key.startsWith(EXTENSION_PREFIX));
}

function isCompletion(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { values } = value;
  return Array.isArray(values);
}

function isListOfObjects(value: unknown, member?: string): boolean {
  if (!Array.isArray(value)) return false;
  const first: unknown = value[0];
  return value.length === 0 || (isObject(first) && (member === undefined || member in first));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
