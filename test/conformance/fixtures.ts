/**
 * The tools, resources and prompts that the conformance suite asks for by name, put into a server of ours. What asks the
 * client (sampling, elicitation, roots) is written once: the SDK makes requests of it in the legacy era.
 */
import {
  type CallToolResult,
  fromJsonSchema,
  inputRequired,
  McpServer,
  type McpServerFactory,
  ResourceTemplate,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { CAPABILITIES, fillServer, type McpServerParts } from "../../src/server/mcp-server.ts";
import {
  addAskingTools,
  addStatefulTools,
  askName,
  sample,
  states,
  text,
} from "./asking-fixtures.ts";

/** One pixel, and no sound at all. */
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

export function fixtureFactory(parts: McpServerParts): McpServerFactory {
  return (request) => {
    const server = new McpServer(
      { name: "overhear-with-fixtures", version: parts.version },
      {
        capabilities: {
          ...CAPABILITIES,
          logging: {},
          tools: { listChanged: true },
          prompts: { listChanged: true },
        },
        requestState: { verify: states.verify },
      },
    );
    fillServer(server, parts, request);
    addContentTools(server);
    addTalkingTools(server);
    addAskingTools(server);
    addStatefulTools(server);
    addSchemaTools(server);
    addResources(server);
    addPrompts(server);
    return server;
  };
}

function addContentTools(server: McpServer): void {
  const image = { type: "image" as const, data: PNG, mimeType: "image/png" };
  const add = (name: string, content: CallToolResult["content"]) =>
    server.registerTool(name, { description: `answers with ${name}` }, () => ({ content }));
  add("test_simple_text", [{ type: "text", text: "This is a simple text response for testing." }]);
  add("test_image_content", [image]);
  add("test_audio_content", [{ type: "audio", data: WAV, mimeType: "audio/wav" }]);
  add("test_embedded_resource", [
    {
      type: "resource",
      resource: {
        uri: "test://embedded-resource",
        mimeType: "text/plain",
        text: "This is an embedded resource content.",
      },
    },
  ]);
  add("test_multiple_content_types", [
    { type: "text", text: "Multiple content types test:" },
    image,
    {
      type: "resource",
      resource: {
        uri: "test://mixed-content-resource",
        mimeType: "application/json",
        text: '{"test":"data","value":123}',
      },
    },
  ]);
  server.registerTool("test_error_handling", { description: "always fails" }, () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
}

function addTalkingTools(server: McpServer): void {
  const noArguments = z.object({});
  server.registerTool(
    "test_tool_with_logging",
    { description: "logs three times", inputSchema: noArguments },
    async (_, ctx) => {
      for (const said of ["started", "processing data", "completed"]) {
        await ctx.mcpReq.log("info", `Tool execution ${said}`);
        await Bun.sleep(20);
      }
      return text("logged");
    },
  );
  server.registerTool(
    "test_logging_tool",
    { description: "logs once", inputSchema: noArguments },
    async (_, ctx) => {
      await ctx.mcpReq.log("info", "a log message");
      return text("logged");
    },
  );
  server.registerTool(
    "test_tool_with_progress",
    { description: "tells its progress", inputSchema: noArguments },
    async (_, ctx) => {
      await tellProgress(ctx);
      return text("done");
    },
  );
  server.registerTool(
    "test_streaming_elicitation",
    { description: "tells its progress, then asks the user", inputSchema: noArguments },
    async (_, ctx) => {
      if (ctx.mcpReq.inputResponses !== undefined) return text("thank you");
      await tellProgress(ctx);
      return inputRequired({ inputRequests: { answer: askName("Who are you?") } });
    },
  );
  server.registerTool(
    "test_missing_capability",
    { description: "needs a client that samples", inputSchema: noArguments },
    (_, ctx) => {
      // the SDK refuses to ask for what the client has not declared
      if (ctx.mcpReq.inputResponses !== undefined) return text("it samples");
      return inputRequired({ inputRequests: { sampled: sample("Say something") } });
    },
  );
}

async function tellProgress(ctx: ServerContext): Promise<void> {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  for (const progress of [0, 50, 100]) {
    const params = { progressToken, progress, total: 100 };
    await ctx.mcpReq.notify({ method: "notifications/progress", params });
    await Bun.sleep(10);
  }
}

/** Schemas written as JSON, which must come out as they are. */
function addSchemaTools(server: McpServer): void {
  server.registerTool(
    "json_schema_2020_12_tool",
    { description: "has a schema with all that 2020-12 has", inputSchema: fromJsonSchema(SCHEMA) },
    () => text("valid"),
  );
  server.registerTool(
    "test_custom_headers",
    {
      description: "has a parameter that is also a header",
      inputSchema: fromJsonSchema(REGION),
    },
    () => text("in that region"),
  );
}

const REGION = {
  type: "object",
  properties: { region: { type: "string", "x-mcp-header": "Region" } },
};

const SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  ...{ if: { properties: { contactMethod: { const: "phone" } } }, then: { required: ["phone"] } },
  else: { required: ["email"] },
  additionalProperties: false,
};

function addResources(server: McpServer): void {
  const add = (uri: string, mimeType: string, content: { text: string } | { blob: string }) =>
    server.registerResource(
      uri.slice("test://".length),
      uri,
      { description: uri, mimeType },
      () => ({
        contents: [{ uri, mimeType, ...content }],
      }),
    );
  add("test://static-text", "text/plain", {
    text: "This is the content of the static text resource.",
  });
  add("test://static-binary", "image/png", { blob: PNG });
  add("test://watched-resource", "text/plain", { text: "Watched resource content" });
  server.registerResource(
    "template",
    new ResourceTemplate("test://template/{id}/data", { list: undefined }),
    { description: "a template", mimeType: "application/json" },
    (uri, { id }) => ({
      contents: [
        {
          uri: uri.href,
          mimeType: "application/json",
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
        },
      ],
    }),
  );
}

function addPrompts(server: McpServer): void {
  const user = (content: { type: "text"; text: string }) => ({ role: "user" as const, content });
  server.registerPrompt("test_simple_prompt", { description: "a simple prompt" }, () => ({
    messages: [user({ type: "text", text: "This is a simple prompt for testing." })],
  }));
  server.registerPrompt(
    "test_prompt_with_arguments",
    {
      description: "a prompt with arguments",
      argsSchema: z.object({ arg1: z.string(), arg2: z.string() }),
    },
    ({ arg1, arg2 }) => ({
      messages: [
        user({ type: "text", text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }),
      ],
    }),
  );
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { description: "a prompt with a resource", argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => ({
      messages: [
        {
          role: "user",
          content: {
            type: "resource",
            resource: {
              uri: resourceUri,
              mimeType: "text/plain",
              text: "Embedded resource content",
            },
          },
        },
        user({ type: "text", text: "Please process the embedded resource above." }),
      ],
    }),
  );
  server.registerPrompt(
    "test_prompt_with_image",
    { description: "a prompt with an image" },
    () => ({
      messages: [
        { role: "user", content: { type: "image", data: PNG, mimeType: "image/png" } },
        user({ type: "text", text: "Please analyze the image above." }),
      ],
    }),
  );
  server.registerPrompt(
    "test_input_required_result_prompt",
    { description: "a prompt that asks first" },
    (ctx) => {
      const given = ctx.mcpReq.inputResponses?.["user_context"];
      if (given !== undefined) {
        return { messages: [user({ type: "text", text: JSON.stringify(given) })] };
      }
      const requestedSchema = z.object({ context: z.string() });
      const message = "What context should the prompt use?";
      return inputRequired({
        inputRequests: { user_context: inputRequired.elicit({ message, requestedSchema }) },
      });
    },
  );
}
