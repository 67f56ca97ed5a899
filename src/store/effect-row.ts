/** What a call caused in, its row out. */
import type { Effect } from "../effects/types.ts";
import type { EffectRow } from "./batch.ts";
import { plainOrNull, plainText } from "./plain-text.ts";

/** Arguments and candidates of one effect that are stored. */
const MAX_ARGUMENTS = 256;

type Where = Omit<
  EffectRow,
  "kind" | "argv" | "port" | "outcome" | "change" | "path" | "toPath" | "candidates"
>;

export function effectRow(effect: Effect, where: Where): EffectRow {
  const { kind, candidates } = effect;
  const file = kind === "file" ? effect.file : undefined;
  const connection = kind === "connect" ? effect.connection : undefined;
  return {
    ...where,
    kind,
    argv: kind === "exec" ? listText(effect.argv) : null,
    port: connection?.remote?.port ?? null,
    outcome: connection?.outcome ?? null,
    change: file?.change ?? null,
    path: plainOrNull(file?.path),
    toPath: plainOrNull(file?.to),
    candidates: candidates.length === 0 ? null : listText(candidates),
  };
}

function listText(texts: readonly string[]): string {
  return JSON.stringify(texts.slice(0, MAX_ARGUMENTS).map(plainText));
}
