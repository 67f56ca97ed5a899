/** Text beside the messages of a session in, what a person is told of it out. */
import type { NoiseLine, NoiseStatistics } from "../exchange/types.ts";
import { truncate } from "./fit.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount, plural } from "./quantity.ts";

/** Of the text in a summary, behind which there is more to be said. */
const MAX_SUM_TEXT = 60;
/** Of the text, however little room is left: it goes on below. */
const MIN_TEXT = 40;

type Said = Pick<NoiseLine, "text" | "lines" | "bytes" | "holdsMessage">;

/**
 * `"MCP Server started"`, `"Loading…" and 3 more lines, 214 bytes`; a message among it is named for what it is. `columns`:
 * the text gives way to what follows it.
 */
export function noiseWords(noise: Said, columns: number): string {
  const { text, lines, bytes, holdsMessage } = noise;
  const more = lines > 1 ? ` and ${plural(lines - 1, "more line")}, ${formatBytes(bytes)}` : "";
  const what = holdsMessage ? "a message and text on one line: " : "";
  const room = Math.max(MIN_TEXT, columns - what.length - more.length - 2);
  return `${what}"${truncate(printable(text), room)}"${more}`;
}

/** So many servers are named that say something else than messages. */
const MAX_NOISY = 10;

/** Of a summary. `quiet`: only what held a message. */
export function noiseTexts(
  rows: readonly NoiseStatistics[],
  { mask, quiet }: { readonly mask: (text: string) => string; readonly quiet: boolean },
): readonly string[] {
  const shown = quiet ? rows.filter(({ holdsMessage }) => holdsMessage) : rows;
  const texts = shown.slice(0, MAX_NOISY).map((each) => printable(mask(sumWords(each))));
  const more = shown.length - texts.length;
  return more > 0 ? [...texts, `and ${formatCount(more)} more`] : texts;
}

/** `214 bytes by weather, no message: "Loading…" and 3 more lines` */
function sumWords(row: NoiseStatistics): string {
  const { server, direction, text, lines, bytes, holdsMessage } = row;
  const who = direction === "server-to-client" ? server : `the client of ${server}`;
  const what = holdsMessage ? "a message and text on one line" : "no message";
  const more = lines > 1 ? ` and ${plural(lines - 1, "more line")}` : "";
  return `${formatBytes(bytes)} by ${who}, ${what}: "${truncate(printable(text), MAX_SUM_TEXT)}"${more}`;
}
