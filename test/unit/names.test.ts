import { expect, test } from "bun:test";
import { clientName, partyName, processName, serverName } from "../../src/names.ts";
import {
  INITIALIZE,
  INITIALIZED,
  message,
  messagesOf,
  pair,
  process,
  run,
} from "./exchange/build.ts";

test.each([
  ["node /x/node_modules/@scope/pkg/dist/index.js stdio", "@scope/pkg"],
  ["node /x/node_modules/a/node_modules/b/cli.js", "b"],
  ["/usr/bin/node --require ./hook.js --no-warnings /srv/server.mjs --port 1", "server.mjs"],
  ["node /home/u/.npm/_npx/1/node_modules/.bin/mcp-server-everything", "mcp-server-everything"],
  ["node -e 1", "comm7"],
  ["node", "comm7"],
  ["python -m mcp_server_git --repository /r", "mcp_server_git"],
  ["/venv/bin/python3.12 -u -X dev /venv/bin/mcp-server-fetch", "mcp-server-fetch"],
  ["python3 -c print()", "comm7"],
  ["npx -y @modelcontextprotocol/server-memory@2026.8.31", "@modelcontextprotocol/server-memory"],
  ["npx --package=pkg@1 run-it", "pkg"],
  ["uvx --from git+https://x/y pkg", "git+https://x/y"],
  ["uvx pkg==1.2", "pkg"],
  ["uv tool run pkg", "pkg"],
  ["uv run --directory /srv server.py", "server.py"],
  ["uv run python -m mod", "mod"],
  ["bun run x.ts", "x.ts"],
  ["bun /srv/x.ts", "x.ts"],
  ["bun x pkg@latest", "pkg"],
  ["bunx pkg", "pkg"],
  ["deno run -A /srv/main.ts", "main.ts"],
  [
    "docker run -i --rm -e TOKEN=1 --name n ghcr.io/github/github-mcp-server stdio",
    "ghcr.io/github/github-mcp-server",
  ],
  ["docker ps", "comm7"],
  ["bash /srv/start.sh", "start.sh"],
  ["sh -c server", "comm7"],
  ["/usr/local/bin/other --stdio", "comm7"],
  ["", "comm7"],
])("processName of %p is %p", (line, name) => {
  const words = line === "" ? [] : line.split(" ");
  expect(processName(process(7, words))).toBe(name);
});

test("processName reads the title that npm writes over its arguments", () => {
  const npm = process(7, ["npm exec @modelcontextprotocol/server-everything stdio"]);
  expect(processName(npm)).toBe("@modelcontextprotocol/server-everything");
});

test("processName completes a comm that the kernel cut after 15 bytes", () => {
  const cut = { ...process(7, ["/usr/bin/github-mcp-server"]), comm: "github-mcp-serv" };
  expect(processName(cut)).toBe("github-mcp-server");
});

test("processName caps a name at 256 characters and takes odd arguments", () => {
  expect(processName(process(7, ["node", "x".repeat(5_000)]))).toHaveLength(256);
  for (const line of [["node", ""], ["python", "-m"], ["docker", "run"], ["npx", "-p"], [""]]) {
    expect(processName(process(7, line))).toBe("comm7");
  }
});

test("serverName and clientName prefer what the party says of itself", () => {
  const { up, down } = pair();
  const out = run([message(up, 1, INITIALIZE)]);
  const session = messagesOf(out)[0]?.session;
  if (session === undefined) throw new Error("no session");
  expect([clientName(session), serverName(session)]).toEqual(["cli", "comm101"]);
  const after = messagesOf(run([message(up, 1, INITIALIZE), message(down, 2, INITIALIZED)]));
  const known = after[1]?.session;
  expect(known === undefined ? undefined : serverName(known)).toBe("srv");
});

test("partyName takes a host's address for its name, and nobody for unknown", () => {
  const host = { address: "10.0.0.5" };
  expect([partyName(host), partyName(undefined), partyName(process(7, ["node", "s.js"]))]).toEqual([
    "10.0.0.5",
    "unknown",
    "s.js",
  ]);
  expect(serverName({ server: host, serverInfo: undefined })).toBe("10.0.0.5");
  expect(clientName({ client: host, clientInfo: { name: "cli" } })).toBe("cli");
});
