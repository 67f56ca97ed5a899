import { describe, expect, test } from "bun:test";
import { at } from "../../e2e/json.ts";
import { connect, type Era } from "./connect.ts";
import { call, MemoryHistory, message, session } from "./memory-history.ts";

const ERAS: readonly Era[] = ["legacy", "modern"];

function small(): MemoryHistory {
  const history = new MemoryHistory();
  history.sessionRecords.push(session(1), session(2, { id: "r1:http:2" }));
  history.callRecords.push(call(1), call(2));
  history.messages.set("c2", [message("request", "{}")]);
  return history;
}

describe.each(ERAS)("in the %s era", (era) => {
  test("sessions are listed as resources, calls are found by template", async () => {
    await using connected = await connect(small(), era);
    const { resources } = await connected.client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual([
      "overhear://sessions",
      "overhear://calls",
      "overhear://sessions/r1%3Ahttp%3A2",
      "overhear://sessions/s1",
    ]);
    const { resourceTemplates } = await connected.client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      "overhear://sessions/{id}",
      "overhear://calls/{id}",
    ]);
  });

  test.each([
    ["overhear://sessions", "sessions"],
    ["overhear://calls", "calls"],
    ["overhear://sessions/r1%3Ahttp%3A2", "session"],
    ["overhear://calls/c2", "call"],
  ])("%s is a JSON document", async (uri, key) => {
    await using connected = await connect(small(), era);
    const { contents } = await connected.client.readResource({ uri });
    const [content] = contents;
    expect(content?.uri).toBe(uri);
    expect(content?.mimeType).toBe("application/json");
    expect(at(parse(content), key)).toBeDefined();
  });

  test.each([
    "overhear://calls/none",
    "overhear://sessions/none",
    "overhear://nothing",
    "file:///etc/passwd",
  ])("%s is not found", async (uri) => {
    await using connected = await connect(small(), era);
    await expect(connected.client.readResource({ uri })).rejects.toThrow();
  });

  test("the prompt names the server, the window and the tools", async () => {
    await using connected = await connect(small(), era);
    const { prompts } = await connected.client.listPrompts();
    expect(prompts.map(({ title }) => title)).toEqual(["Why is my MCP server slow or failing?"]);
    const { messages } = await connected.client.getPrompt({
      name: "diagnose_mcp_server",
      arguments: { server: "weather", minutes: "15" },
    });
    const text = JSON.stringify(messages);
    expect(text).toContain("weather");
    expect(text).toContain("last 15 minutes");
    const { tools } = await connected.client.listTools();
    for (const { name } of tools) {
      if (name !== "list_sessions") expect(text).toContain(name);
    }
  });

  test("names of servers and ids of calls are completed", async () => {
    await using connected = await connect(small(), era);
    const prompt = await connected.client.complete({
      ref: { type: "ref/prompt", name: "diagnose_mcp_server" },
      argument: { name: "server", value: "wea" },
    });
    expect(prompt.completion.values).toEqual(["weather"]);
    const template = await connected.client.complete({
      ref: { type: "ref/resource", uri: "overhear://calls/{id}" },
      argument: { name: "id", value: "c" },
    });
    expect(template.completion.values).toEqual(["c2", "c1"]);
  });
});

function parse(content: unknown): unknown {
  const text = at(content, "text");
  return typeof text === "string" ? JSON.parse(text) : undefined;
}
