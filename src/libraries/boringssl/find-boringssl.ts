/** A stripped program in; where its BoringSSL reads and writes out, by the errors that these raise. */
import { addressOf, type Elf } from "../elf.ts";
import type { FileView } from "../file-view.ts";
import { hasBoringSslText, textStart } from "../texts.ts";
import type { Probe } from "../types.ts";
import { type ErrorSite, findErrorSites, type Range } from "./error-sites.ts";
import { callsIn, functionStart } from "./function-start.ts";

/** Different names that are looked for in the code: as often as it may stand in texts of other kinds. */
const MAX_NAMES = 4;

/** Source: BoringSSL, include/openssl/err.h and ssl.h. */
const SHOULD_NOT_HAVE_BEEN_CALLED = 66;
const BAD_LENGTH = 111;
const SSL_HANDSHAKE_FAILURE = 215;
const UNINITIALIZED = 226;

/** Bytes from SSL_write's first error to its last. */
const WRITE_SPAN = 0x400;
/** Lines likewise. */
const WRITE_LINES = 60;
/** Lines from the error in SSL_peek, which SSL_read contains, to the one in SSL_write. */
const READ_TO_WRITE_LINES = 60;
/** Lines from the errors in ssl_read_impl, which SSL_peek calls, to the one in SSL_peek. */
const IMPL_TO_READ_LINES = 200;
/** Bytes from the start of ssl_read_impl to its first error, and of SSL_read in which it is called. */
const NEAR = 0x200;

export interface FoundBoringSsl {
  readonly probes: readonly Probe[];
  /** Where the name stands that SSL_write's errors tell. */
  readonly textAt: number;
}

/** `names`: where its source file is named. A text: why it is not sure which functions are which. */
export function findBoringSsl(
  file: FileView,
  elf: Elf,
  names: readonly number[],
): FoundBoringSsl | string {
  const named = names
    .slice(0, MAX_NAMES)
    .map((textAt) => ({ textAt, sites: sitesOf(file, elf, textAt) }));
  const sites = named.flatMap((each) => each.sites).sort((a, b) => a.at - b.at);
  const found = findFunctions(file, elf, sites);
  if (typeof found === "string") return found;
  const { read, write } = found;
  const isNear = ({ at }: ErrorSite) => at > write && at - write < WRITE_SPAN;
  const textAt = named.find((each) => each.sites.some(isNear))?.textAt ?? 0;
  return {
    textAt,
    probes: [
      { function: "SSL_read", role: "read", entry: read, returns: undefined },
      { function: "SSL_write", role: "write", entry: write, returns: undefined },
    ],
  };
}

/**
 * Whether this file has what was found in another one: looks nowhere else, and believes nothing but the file. That there
 * are no other functions like these is what was seen in the other one.
 */
export function hasBoringSsl(
  file: FileView,
  elf: Elf,
  { probes, textAt }: FoundBoringSsl,
): boolean {
  if (!hasBoringSslText(file, textAt)) return false;
  const read = probes.find(({ role }) => role === "read")?.entry;
  const write = probes.find(({ role }) => role === "write")?.entry;
  if (read === undefined || write === undefined) return false;
  const ranges = [
    { from: write, to: write + 2 * WRITE_SPAN },
    { from: read, to: read + 2 * NEAR },
    ...callsIn(file, elf.machine, read, read + NEAR).map((to) => ({ from: to, to: to + 2 * NEAR })),
  ];
  const found = findFunctions(file, elf, sitesOf(file, elf, textAt, ranges));
  return typeof found !== "string" && found.read === read && found.write === write;
}

function sitesOf(
  file: FileView,
  elf: Elf,
  textAt: number,
  ranges?: readonly Range[],
): readonly ErrorSite[] {
  const start = textStart(file, textAt);
  const address = start === undefined ? undefined : addressOf(elf, start);
  return address === undefined ? [] : findErrorSites(file, elf, address, ranges);
}

/** Bytes of the file at which they begin. */
interface Functions {
  readonly read: number;
  readonly write: number;
}

function findFunctions(file: FileView, elf: Elf, sites: readonly ErrorSite[]): Functions | string {
  if (sites.length === 0) return "none of the places where it raises errors was found";
  const [write, otherWrite] = findWrites(file, elf, sites);
  if (write === undefined) return "no function raises the errors of SSL_write";
  if (otherWrite !== undefined) return "more than one function raises the errors of SSL_write";
  const read = findRead(file, elf, sites, write);
  return typeof read === "string" ? read : { read, write: write.start };
}

interface Candidate {
  readonly start: number;
  /** Of its error that says it must not be called (with QUIC). */
  readonly line: number;
}

/** Functions that raise what SSL_write does, in its order. */
function findWrites(file: FileView, elf: Elf, sites: readonly ErrorSite[]): Candidate[] {
  const found = new Map<number, Candidate>();
  for (const [i, { at, reason, line }] of sites.entries()) {
    if (reason !== SHOULD_NOT_HAVE_BEEN_CALLED) continue;
    const after = reasonsAfter(sites, i);
    const handshake = after.has(SSL_HANDSHAKE_FAILURE) || after.has(UNINITIALIZED);
    if (!handshake || !after.has(BAD_LENGTH)) continue;
    const start = functionStart(file, elf.machine, at);
    // the same may be raised at two places of one function
    if (start !== undefined && !found.has(start)) found.set(start, { start, line });
  }
  return [...found.values()];
}

/** What is raised after the site of that index and before the next function that must not be called. */
function reasonsAfter(sites: readonly ErrorSite[], index: number): Set<number> {
  const reasons = new Set<number>();
  const [first, ...rest] = sites.slice(index);
  for (const { at, reason, line } of rest) {
    if (first === undefined || at - first.at >= WRITE_SPAN) break;
    if (reason === SHOULD_NOT_HAVE_BEEN_CALLED && line !== first.line) break;
    if (line > first.line && line - first.line < WRITE_LINES) reasons.add(reason);
  }
  return reasons;
}

/** The function a little before SSL_write in the source that calls ssl_read_impl. */
function findRead(
  file: FileView,
  elf: Elf,
  sites: readonly ErrorSite[],
  write: Candidate,
): number | string {
  const starts = new Set<number>();
  for (const { at, reason, line } of sites) {
    const before = write.line - line;
    const fits = before > 0 && before < READ_TO_WRITE_LINES;
    if (reason !== SHOULD_NOT_HAVE_BEEN_CALLED || !fits) continue;
    const start = functionStart(file, elf.machine, at);
    if (start !== undefined && callsImpl(file, elf, sites, start, line)) starts.add(start);
  }
  const [one, two, three] = starts;
  if (one === undefined) return "no function raises the error of SSL_read and calls what it calls";
  if (two === undefined) return one;
  if (three !== undefined) return `${starts.size} functions raise the error of SSL_read`;
  return longer(file, elf, one, two) ?? "SSL_read and SSL_peek cannot be told apart";
}

function callsImpl(
  file: FileView,
  elf: Elf,
  sites: readonly ErrorSite[],
  start: number,
  line: number,
): boolean {
  const impls = sites.filter(
    (site) =>
      site.reason === UNINITIALIZED && site.line < line && line - site.line < IMPL_TO_READ_LINES,
  );
  return callsIn(file, elf.machine, start, start + NEAR).some(
    (target) => target !== start && impls.some(({ at }) => at - target > 0 && at - target < NEAR),
  );
}

/** SSL_read does all that SSL_peek does, and then takes what was read away: of two, it is the one with more code. */
function longer(file: FileView, elf: Elf, one: number, two: number): number | undefined {
  const [first, second] = [extent(file, elf, one), extent(file, elf, two)];
  if (first === undefined || second === undefined || first === second) return undefined;
  return first > second ? one : two;
}

/** Bytes to the next function's start. */
function extent(file: FileView, elf: Elf, start: number): number | undefined {
  const step = elf.machine === "x64" ? 16 : 4;
  for (let at = start + 16; at < start + NEAR * 2; at += step) {
    if (functionStart(file, elf.machine, at + 4) === at) return at - start;
  }
  return undefined;
}
