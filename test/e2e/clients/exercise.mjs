/**
 * What every client does with every server, as far as the server offers it: the same steps for both
 * SDK generations. `api` hides what differs between them; `say` is told of each step that ran.
 */
import { readFile, writeFile } from "node:fs/promises";

export const CALLS = 23; // a prime: no fan-out or batch size divides it

const HOSTILE_TEXT = 'quote " backslash \\ newline \n tab \t nul \u0000 escape \u001b[31m ü € 𝄞 \u2028 </script>';

/** Arguments that a tool of the official servers accepts, by tool name. */
function ordinaryCall(tools, directory) {
  if (tools.has("echo")) return (n) => ["echo", { message: `call ${n}: ${HOSTILE_TEXT}` }];
  if (tools.has("list_directory")) return () => ["list_directory", { path: directory }];
  if (tools.has("create_entities")) {
    return (n) => ["create_entities", { entities: [{ name: `e${n}`, entityType: "number", observations: [HOSTILE_TEXT] }] }];
  }
  throw new Error(`no tool known among ${[...tools].join(", ")}`);
}

async function callTools(api, tools, directory) {
  const callFor = ordinaryCall(tools, directory);
  let sent = 0;
  // Alone first, then eight in flight at once, then one that no single read returns.
  while (sent < 7) await api.call(...callFor(sent++));
  await Promise.all(Array.from({ length: 8 }, () => api.call(...callFor(sent++))));
  while (sent < CALLS - 1) await api.call(...callFor(sent++));
  if (tools.has("echo")) await api.call("echo", { message: `large ${"ä0123456789".repeat(30_000)}` });
  else await api.call(...callFor(sent));
}

async function failOnPurpose(api, tools, say) {
  const refused = await api.request("no/such_method", {}).then(() => false, () => true);
  if (!refused) throw new Error("no/such_method was answered");
  say("error");
  const bad = tools.has("get-sum")
    ? ["get-sum", { a: "one", b: 2 }]
    : tools.has("read_text_file")
      ? ["read_text_file", { path: "/no/such/file" }]
      : ["add_observations", { observations: [{ entityName: "nobody", contents: ["x"] }] }];
  const result = await api.call(...bad).catch((error) => ({ isError: true, thrown: String(error) }));
  if (result.isError !== true) throw new Error(`${bad[0]} did not fail: ${JSON.stringify(result)}`);
  say("tool error");
}

async function askForMore(api, tools, say) {
  if (tools.has("trigger-long-running-operation")) {
    let steps = 0;
    await api.call("trigger-long-running-operation", { duration: 0.2, steps: 4 }, { onprogress: () => steps++ });
    if (steps === 0) throw new Error("no progress came");
    say("progress");
  }
  if (tools.has("toggle-simulated-logging")) {
    const heard = api.nextLog();
    await api.setLogLevel("debug");
    await api.call("toggle-simulated-logging", {});
    await heard;
    await api.call("toggle-simulated-logging", {});
    say("logging");
  }
  for (const [tool, args, step] of [
    ["trigger-sampling-request", { prompt: "say blue", maxTokens: 5 }, "sampling"],
    ["trigger-elicitation-request", {}, "elicitation"],
    ["get-roots-list", {}, "roots"],
  ]) {
    if (!tools.has(tool)) continue;
    const before = api.asked(step);
    const result = await api.call(tool, args);
    if (result.isError === true) throw new Error(`${tool}: ${JSON.stringify(result)}`);
    // Roots are asked for once, after initialize, and then remembered by server-everything.
    if (api.asked(step) === before && step !== "roots") throw new Error(`${tool}: the client was not asked`);
    say(step);
  }
  if (tools.has("trigger-long-running-operation")) {
    const abort = new AbortController();
    const call = api.call("trigger-long-running-operation", { duration: 0.3, steps: 1 }, { signal: abort.signal });
    setTimeout(() => abort.abort("no longer wanted"), 50);
    const gone = await call.then(() => false, () => true);
    if (!gone) throw new Error("the cancelled call was answered");
    say("cancel");
  }
}

async function readResources(api, capabilities, say) {
  if (capabilities.resources) {
    const { resources } = await api.listResources();
    if (resources.length > 0) await api.readResource(resources[0].uri);
    await api.listResourceTemplates();
    say("resources");
  }
  if (capabilities.prompts) {
    const { prompts } = await api.listPrompts();
    const plain = prompts.find((p) => (p.arguments ?? []).length === 0);
    if (plain) await api.getPrompt(plain.name);
    say("prompts");
  }
}

/** `waitFile`: after the first half, says so there and waits until the file's text is "go" (late attach). */
async function waitFor(file) {
  await writeFile(file, "waiting");
  while ((await readFile(file, "utf8")) !== "go") await new Promise((next) => setTimeout(next, 20));
}

export async function exercise(api, { directory, waitFile, say }) {
  const tools = new Set((await api.listTools()).tools.map((tool) => tool.name));
  say("tools/list");
  if (waitFile !== undefined) await waitFor(waitFile);
  await callTools(api, tools, directory);
  say("tools/call");
  await readResources(api, api.capabilities(), say);
  await failOnPurpose(api, tools, say);
  await askForMore(api, tools, say);
  // The server reads in order: once this is answered, all that was sent before has been read.
  await api.listTools();
}
