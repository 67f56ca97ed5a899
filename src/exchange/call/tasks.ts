/**
 * Remembers which call made a task, so that what is said about the task later finds its call.
 * Source: MCP 2025-11-25 basic/utilities/tasks (`result.task`), ext-tasks (`resultType: "task"`, flat).
 */

import { RecentMap } from "../../recent-map.ts";
import { capText, copyText } from "../../text.ts";
import { asObject, asText } from "../json.ts";
import type { Call, CallReference } from "./call.ts";

/** Tasks remembered per session. */
const MAX_TASKS = 1_024;
/** Longer ids and tokens are not remembered. */
const MAX_ID_CHARS = 256;

export class Tasks {
  readonly #byId = new RecentMap<string, CallReference>(MAX_TASKS);
  readonly #byToken = new RecentMap<string, CallReference>(MAX_TASKS);

  add(taskId: string, call: Call): void {
    // kept for long, and many of them
    if (call.idText.length > MAX_ID_CHARS) return;
    const made = { idText: copyText(call.idText), target: call.target, chain: call.chain };
    this.#byId.set(capText(taskId), made);
    // the progress token stays valid until the task is done
    if (call.token !== undefined && call.token.length <= MAX_ID_CHARS) {
      this.#byToken.set(call.token, made);
    }
  }

  find(taskId: string): CallReference | undefined {
    return this.#byId.get(capText(taskId));
  }

  findByToken(token: string): CallReference | undefined {
    return this.#byToken.get(token);
  }
}

/** Id of the task that an answer announces instead of its result. */
export function createdTaskId(body: unknown): string | undefined {
  const result = asObject(body);
  if (result === undefined) return undefined;
  const task = asObject(result.task);
  if (task !== undefined) return asText(task.taskId);
  return result.resultType === "task" ? asText(result.taskId) : undefined;
}
