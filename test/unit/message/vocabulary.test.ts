import { expect, test } from "bun:test";
import { readOne } from "./read-line.ts";

function mcpOf(members: string): boolean | undefined {
  return readOne(`{"jsonrpc":"2.0","id":1,${members}}`).mcp;
}

test.each([
  '"method":"tools/call"',
  '"method":"server/discover"',
  '"method":"skills/list"',
  '"method":"initialize","params":{"protocolVersion":"2025-11-25"}',
  '"method":"vendor/x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}',
  '"result":{"protocolVersion":"2024-11-05","capabilities":{}}',
  '"result":{"tools":[]}',
  '"result":{"content":[{"type":"text","text":""}]}',
  '"result":{"contents":[{"uri":"file:///a","text":""}]}',
  '"result":{"resourceTemplates":[{}]}',
  '"result":{"resultType":"input_required"}',
  '"result":{"completion":{"values":[]}}',
  '"result":{"action":"decline"}',
  '"result":{"model":"m","role":"assistant","content":{}}',
])("MessageStage says that %s is MCP", (members) => {
  expect(mcpOf(members)).toBe(true);
});

test.each([
  '"method":"textDocument/hover"',
  '"method":"$/progress"',
  '"method":"window/showMessage"',
  '"method":"shutdown"',
  '"method":"eth_getBalance"',
  '"method":"session/prompt"',
  '"method":"initialize","params":{"processId":1,"rootUri":null,"capabilities":{}}',
  '"method":"initialize","params":{"protocolVersion":1}',
])("MessageStage says that %s is another protocol's", (members) => {
  expect(mcpOf(members)).toBe(false);
});

test.each([
  '"method":"vendor/unknown"',
  '"method":"notifications/vendor"',
  '"method":"initialize"',
  '"result":{}',
  '"result":null',
  '"result":{"contents":["hover text"]}',
  '"result":{"action":{"toString":1}}',
  '"result":{"capabilities":{"hoverProvider":true},"serverInfo":{"name":"ls"}}',
  '"error":{"code":-32601,"message":""}',
])("MessageStage leaves open what %s is", (members) => {
  expect(mcpOf(members)).toBeUndefined();
});
