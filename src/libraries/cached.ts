/** An analysis in, a text to keep out; and back, when the text is of this version and the file still has the same code. */
import { FileView } from "./file-view.ts";
import type { Abi, Analysis, FoundBy, Library, NotHeard, Probe, ReadAt, Role } from "./types.ts";
import { ABIS, FINDERS, ROLES, STACKS } from "./vocabulary.ts";

/** Of what an analysis finds: texts of other versions are not believed. To be raised with every change of that. */
const VERSION = 2;
/** Of code at each entry, and at each return. */
const CODE_BYTES = 16;
const RETURN_BYTES = 4;
const MAX_TEXT = 256 * 1024;
const MAX_ITEMS = 16;
const MAX_PROBES = 64;
const MAX_RETURNS = 4096;
const MAX_WORDS = 256;

/** What of a file the system tells; numbers as `lstat` gives them, times in nanoseconds. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  readonly size: bigint;
  readonly modifiedNs: bigint;
  /** Nobody but the kernel sets it. */
  readonly changedNs: bigint;
}

/** A name for this file as it is now. Where others may write, no better one is to be trusted. */
export function keyOfFile({ device, inode, size, modifiedNs, changedNs }: FileIdentity): string {
  return ["file", device, inode, size, modifiedNs, changedNs].join("-");
}

/**
 * A name for all files that one linking gave, as all programs that one Bun compiled. Anybody can write any build id into a
 * file of theirs: what is kept under it says where to look in another file, and nothing more (`readLike`).
 */
export function keyOfBuildId(buildId: string): string {
  return `build-${buildId}`;
}

/** `readAt`: of the file that was analysed. */
export function writeCached(analysis: Analysis, key: string, readAt: ReadAt, size: number): string {
  const code = codeAt(analysis, new FileView(readAt, size));
  return JSON.stringify({ version: VERSION, key, analysis, code });
}

/** undefined: it is of another version, key or file, or damaged; then the file is to be analysed again. Never throws. */
export function readCached(
  text: string,
  key: string,
  readAt: ReadAt,
  size: number,
): Analysis | undefined {
  const kept = keptUnder(text, key);
  const analysis = analysisOf(kept?.["analysis"], size);
  if (analysis === undefined) return undefined;
  return kept?.["code"] === codeAt(analysis, new FileView(readAt, size)) ? analysis : undefined;
}

/** Of a file with this build id, which need not be the one at hand; `size` of that. For `analyse`; never throws. */
export function readLike(text: string, key: string, size: number): Analysis | undefined {
  return analysisOf(keptUnder(text, key)?.["analysis"], size);
}

function keptUnder(text: string, key: string): Fields | undefined {
  const kept = parse(text);
  return kept?.["version"] === VERSION && kept["key"] === key ? kept : undefined;
}

/** The code at which all probes of an analysis begin and end. */
function codeAt(analysis: Analysis, file: FileView): string {
  const probes = analysis.libraries.flatMap((library) => library.probes);
  const code = (at: number, bytes: number) => file.bytes(at, bytes).toString("hex");
  return probes
    .flatMap(({ entry, returns }) => [
      code(entry, CODE_BYTES),
      ...(returns ?? []).map((at) => code(at, RETURN_BYTES)),
    ])
    .join(" ");
}

type Fields = Readonly<Record<string, unknown>>;

function parse(text: string): Fields | undefined {
  if (text.length > MAX_TEXT) return undefined;
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown): Fields | undefined {
  return isFields(value) ? value : undefined;
}

/** undefined: `value` is no list, too long a one, or `read` refuses one of its items. */
function listOf<Item>(
  value: unknown,
  limit: number,
  read: (item: unknown) => Item | undefined,
): Item[] | undefined {
  if (!Array.isArray(value) || value.length > limit) return undefined;
  const items: Item[] = [];
  for (const one of value) {
    const item = read(one);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

function analysisOf(value: unknown, size: number): Analysis | undefined {
  const fields = fieldsOf(value);
  const libraries = listOf(fields?.["libraries"], MAX_ITEMS, (item) => libraryOf(item, size));
  const notHeard = listOf(fields?.["notHeard"], MAX_ITEMS, notHeardOf);
  const buildId = fields?.["buildId"];
  if (libraries === undefined || notHeard === undefined || !isBuildId(buildId)) return undefined;
  return { buildId, libraries, notHeard };
}

function libraryOf(value: unknown, size: number): Library | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined) return undefined;
  const stack = wordOf(fields["stack"], STACKS);
  const abi = wordOf<Abi>(fields["abi"], ABIS);
  const foundBy = wordOf<FoundBy>(fields["foundBy"], FINDERS);
  const calls = fields["calls"] === undefined ? undefined : wordOf(fields["calls"], STACKS);
  const probes = listOf(fields["probes"], MAX_PROBES, (item) => probeOf(item, size));
  const buildId = fields["buildId"];
  const version = fields["version"];
  const isSound = calls !== undefined || fields["calls"] === undefined;
  if (stack === undefined || abi === undefined || foundBy === undefined) return undefined;
  if (probes === undefined || !isSound || !isBuildId(buildId)) return undefined;
  if (version !== undefined && !isText(version)) return undefined;
  const textAt = fields["textAt"];
  if (textAt !== undefined && !isPlace(textAt, size)) return undefined;
  return { stack, buildId, abi, foundBy, version, calls, textAt, probes };
}

function isPlace(at: unknown, size: number): at is number {
  return typeof at === "number" && Number.isSafeInteger(at) && at >= 0 && at < size;
}

function probeOf(value: unknown, size: number): Probe | undefined {
  const fields = fieldsOf(value);
  const entry = fields?.["entry"];
  const name = fields?.["function"];
  const role = wordOf<Role>(fields?.["role"], ROLES);
  if (!isPlace(entry, size) || !isText(name) || role === undefined) return undefined;
  if (fields?.["returns"] === undefined) return { function: name, role, entry, returns: undefined };
  const returns = listOf(fields["returns"], MAX_RETURNS, (at) =>
    isPlace(at, size) ? at : undefined,
  );
  return returns === undefined ? undefined : { function: name, role, entry, returns };
}

function notHeardOf(value: unknown): NotHeard | undefined {
  const fields = fieldsOf(value);
  const stack = wordOf(fields?.["stack"], STACKS);
  const reason = fields?.["reason"];
  return stack === undefined || !isText(reason) ? undefined : { stack, reason };
}

function wordOf<Word extends string>(value: unknown, words: readonly Word[]): Word | undefined {
  return words.find((word) => word === value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_WORDS;
}

function isBuildId(value: unknown): value is string | undefined {
  return value === undefined || (isText(value) && /^[0-9a-f]+$/.test(value));
}
