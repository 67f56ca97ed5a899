import { expect, test } from "bun:test";
import { placeOf } from "../../../../src/framing/http1/target.ts";

test.each([
  ["/mcp?x=1", "h:3001", "h:3001", "/mcp?x=1"],
  ["/mcp", undefined, undefined, "/mcp"],
  ["/@scope/a@b?c=@", "h", "h", "/@scope/a@b?c=@"],
  ["/mcp", "user:secret@h:3001", "h:3001", "/mcp"],
  ["http://proxy.example:80/mcp?x=/@", "h", "proxy.example:80", "/mcp?x=/@"],
  ["http://proxy.example", undefined, "proxy.example", "/"],
  ["http://proxy.example?x", "h", "proxy.example", "/?x"],
  ["http://user:secret@proxy.example/mcp", "h", "proxy.example", "/mcp"],
  ["HTTP://user:s@cret@proxy.example:1/mcp", "h", "proxy.example:1", "/mcp"],
  ["//user:s@cret@h/mcp", "h", "h", "//h/mcp"],
  ["user:s@cret@h:1", "h", "h", "h:1"],
  ["http:user:secret@h/mcp", "h", "h", "h/mcp"],
  ["*", "h", "h", "*"],
])("placeOf reads %s, with the Host %s, as %s and %s", (target, host, authority, path) => {
  expect(placeOf(target, host)).toEqual({ authority, target: path });
});
