/** Tools of the conformance suite that ask the client, once or more often, and keep their state with it. */
import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  type McpServer,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { at } from "../e2e/json.ts";

export const states = createRequestStateCodec<{ readonly round: number }>({ key: "k".repeat(32) });

export function text(value: string) {
  return { content: [{ type: "text" as const, text: value }] };
}

export function sample(prompt: string) {
  return inputRequired.createMessage({
    messages: [{ role: "user", content: { type: "text", text: prompt } }],
    maxTokens: 100,
  });
}

export function askName(message: string) {
  return inputRequired.elicit({ message, requestedSchema: z.object({ name: z.string() }) });
}

function askForm(message: string, properties: Record<string, object>) {
  // written as it goes over the wire: what it is about is in the schema itself
  return inputRequired.elicit({
    message,
    requestedSchema: JSON.parse(JSON.stringify({ type: "object", properties, required: [] })),
  });
}

export function addAskingTools(server: McpServer): void {
  const ask = (
    name: string,
    shape: z.ZodRawShape,
    request: (args: Record<string, unknown>) => Asked,
  ) =>
    server.registerTool(
      name,
      { description: "asks the client, and tells what it said", inputSchema: z.object(shape) },
      (args, ctx) => {
        const { key = "answer", ...input } = request(args);
        const answer = ctx.mcpReq.inputResponses?.[key];
        if (answer !== undefined) return text(`${name}: ${JSON.stringify(answer)}`);
        return inputRequired({ inputRequests: { [key]: input.request } });
      },
    );
  ask("test_sampling", { prompt: z.string() }, ({ prompt }) => ({
    request: sample(String(prompt)),
  }));
  ask("test_elicitation", { message: z.string() }, ({ message }) => ({
    request: askForm(String(message), { response: { type: "string" } }),
  }));
  ask("test_elicitation_sep1034_defaults", {}, () => ({
    request: askForm("Please look through the form", {
      name: { type: "string", default: "John Doe" },
      age: { type: "integer", default: 30 },
      score: { type: "number", default: 95.5 },
      status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean", default: true },
    }),
  }));
  ask("test_elicitation_sep1330_enums", {}, () => ({ request: askForm("Please choose", ENUMS) }));
  ask("test_input_required_result_elicitation", {}, () => ({
    key: "user_name",
    request: askName("What is your name?"),
  }));
  ask("test_input_required_result_sampling", {}, () => ({
    key: "capital_question",
    request: sample("What is the capital of France?"),
  }));
  ask("test_input_required_result_list_roots", {}, () => ({
    key: "client_roots",
    request: inputRequired.listRoots(),
  }));
  server.registerTool(
    "test_input_required_result_capabilities",
    { description: "asks only for what the client can do", inputSchema: z.object({}) },
    (_, ctx) => {
      if (ctx.mcpReq.inputResponses !== undefined) return text("thank you");
      const capabilities = at(ctx.mcpReq.envelope, CLIENT_CAPABILITIES_META_KEY);
      const can = (name: string) => at(capabilities, name) !== undefined;
      const inputRequests = {
        ...(can("sampling") ? { sampled: sample("Say something") } : {}),
        ...(can("elicitation") ? { asked: askName("Who are you?") } : {}),
      };
      return inputRequired({ inputRequests });
    },
  );
}

interface Asked {
  readonly key?: string;
  readonly request: ReturnType<typeof inputRequired.elicit>;
}

const CHOICES = [
  { const: "value1", title: "First" },
  { const: "value2", title: "Second" },
  { const: "value3", title: "Third" },
];
const OPTIONS = ["option1", "option2", "option3"];
const ENUMS = {
  untitledSingle: { type: "string", enum: OPTIONS },
  titledSingle: { type: "string", oneOf: CHOICES },
  legacyEnum: { type: "string", enum: ["opt1", "opt2"], enumNames: ["One", "Two"] },
  untitledMulti: { type: "array", items: { type: "string", enum: OPTIONS } },
  titledMulti: { type: "array", items: { anyOf: CHOICES } },
};

export function addStatefulTools(server: McpServer): void {
  const inputSchema = z.object({});
  const confirm = () =>
    inputRequired.elicit({
      message: "Please confirm",
      requestedSchema: z.object({ ok: z.boolean() }),
    });
  for (const name of [
    "test_input_required_result_request_state",
    "test_input_required_result_tampered_state",
  ]) {
    server.registerTool(
      name,
      { description: "keeps its state with the client", inputSchema },
      async (_, ctx) => {
        if (ctx.mcpReq.requestState<{ readonly round: number }>()?.round === 1)
          return text("state-ok");
        return inputRequired({
          inputRequests: { confirm: confirm() },
          requestState: await states.mint({ round: 1 }),
        });
      },
    );
  }
  server.registerTool(
    "test_input_required_result_multiple_inputs",
    { description: "asks three things at once", inputSchema },
    async (_, ctx) => {
      if (ctx.mcpReq.inputResponses !== undefined) return text("thank you");
      return inputRequired({
        inputRequests: {
          user_name: askName("What is your name?"),
          greeting: inputRequired.createMessage({
            messages: [{ role: "user", content: { type: "text", text: "Generate a greeting" } }],
            maxTokens: 50,
          }),
          client_roots: inputRequired.listRoots(),
        },
        requestState: await states.mint({ round: 1 }),
      });
    },
  );
  server.registerTool(
    "test_input_required_result_multi_round",
    { description: "asks twice", inputSchema },
    async (_, ctx) => {
      const round = ctx.mcpReq.requestState<{ readonly round: number }>()?.round ?? 0;
      if (round === 2) return text("done");
      const step = `step${round + 1}`;
      return inputRequired({
        inputRequests: { [step]: askName(`Step ${round + 1}: what is your name?`) },
        requestState: await states.mint({ round: round + 1 }),
      });
    },
  );
}
