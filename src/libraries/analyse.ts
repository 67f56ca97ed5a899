/** A file in; what it encrypts with, and where, out. */
import { findBoringSsl, hasBoringSsl } from "./boringssl/find-boringssl.ts";
import { type Elf, readElf } from "./elf.ts";
import { FileView } from "./file-view.ts";
import { findGo } from "./go/find-go.ts";
import { namedStacks, STACK_FUNCTIONS } from "./named-stacks.ts";
import { findFunctions } from "./symbols.ts";
import { findTexts, rustlsVersion } from "./texts.ts";
import type { Analysis, Library, NotHeard, ReadAt } from "./types.ts";

const NOTHING: Analysis = { buildId: undefined, libraries: [], notHeard: [] };
/** The code of a TLS stack and of what calls it is more. */
const MIN_CODE = 256 * 1024;

/**
 * The ways, the surest first: names of functions; Go's own table of functions; where errors are raised with the names of
 * source files. What is not single is not heard, and said to be there.
 *
 * Never throws, whatever the file holds, unless `readAt` does; takes time in proportion to its size and some MB of memory.
 * `size` in bytes. `like`: what was found in a file with the same build id, which spares looking through all of this one
 * where it shows the same. Anybody can write any build id into a file: nothing else of it is believed.
 */
export function analyse(readAt: ReadAt, size: number, like?: Analysis): Analysis {
  const file = new FileView(readAt, size);
  const elf = readElf(file);
  if (elf === undefined) return NOTHING;
  const libraries: Library[] = [];
  const notHeard: NotHeard[] = [];
  addNamed(file, elf, libraries, notHeard);
  addGo(file, elf, libraries, notHeard);
  const same = like === undefined ? undefined : sameNameless(file, elf, like);
  if (same !== undefined) libraries.push(same);
  else if (codeBytes(elf) >= MIN_CODE) addNameless(file, elf, libraries, notHeard);
  return { buildId: elf.buildId, libraries, notHeard };
}

function codeBytes(elf: Elf): number {
  return elf.segments.reduce((sum, { bytes, executable }) => sum + (executable ? bytes : 0), 0);
}

function addNamed(file: FileView, elf: Elf, libraries: Library[], notHeard: NotHeard[]): void {
  const found = namedStacks(findFunctions(file, elf, STACK_FUNCTIONS));
  notHeard.push(...found.notHeard);
  for (const { stack, calls, probes } of found.named) {
    libraries.push({
      stack,
      buildId: elf.buildId,
      abi: "c",
      foundBy: "symbols",
      version: undefined,
      calls,
      textAt: undefined,
      probes,
    });
  }
}

function addGo(file: FileView, elf: Elf, libraries: Library[], notHeard: NotHeard[]): void {
  const go = findGo(file, elf);
  if (go === undefined) return;
  if ("reason" in go) {
    notHeard.push(go);
    return;
  }
  libraries.push({
    stack: "go",
    buildId: elf.buildId,
    abi: go.abi,
    foundBy: "pclntab",
    version: go.version,
    calls: undefined,
    textAt: undefined,
    probes: go.probes,
  });
}

/** Of a file of the same build, if its functions are in this one, too. */
function sameNameless(file: FileView, elf: Elf, like: Analysis): Library | undefined {
  if (elf.buildId === undefined || like.buildId !== elf.buildId) return undefined;
  const library = like.libraries.find(({ foundBy }) => foundBy === "error-sites");
  if (library?.textAt === undefined) return undefined;
  const { textAt, probes } = library;
  return hasBoringSsl(file, elf, { textAt, probes }) ? library : undefined;
}

/** What is linked into a program and has lost its names. */
function addNameless(file: FileView, elf: Elf, libraries: Library[], notHeard: NotHeard[]): void {
  const texts = findTexts(file, elf);
  const isNamed = [...libraries, ...notHeard].some(
    ({ stack }) => stack === "openssl" || stack === "boringssl",
  );
  if (texts.boringssl.length > 0 && !isNamed) {
    const found = findBoringSsl(file, elf, texts.boringssl);
    if (typeof found === "string") notHeard.push({ stack: "boringssl", reason: found });
    else {
      libraries.push({
        stack: "boringssl",
        buildId: elf.buildId,
        abi: "c",
        foundBy: "error-sites",
        version: undefined,
        calls: undefined,
        ...found,
      });
    }
  }
  if (texts.openssl.length > 0 && !isNamed) {
    notHeard.push({ stack: "openssl", reason: "it is linked in, and its names are stripped" });
  }
  const rustls = rustlsVersion(file, texts);
  if (rustls !== undefined) {
    const reason = `rustls ${rustls} is linked in, whose functions differ in each program`;
    notHeard.push({ stack: "rustls", reason });
  }
}
