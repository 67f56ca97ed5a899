import { expect, test } from "bun:test";
import { dirname, join, relative, resolve } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../..");

/** The rooms in the order in which the data flows through them. */
const rooms = [
  "libraries",
  "capture",
  "connections",
  "effects",
  "stream",
  "framing",
  "message",
  "exchange",
  "findings",
  "delivery",
  "sinks",
  "store",
  "server",
];

/** What all rooms speak: the shape of a stage, who speaks and what they are called, short copies of text, what JSON is
 * and who reads it, a bounded map; how outputs fail, how root opens a file, what a terminal or a model may be shown, numbers for people. */
const shared = new Set([
  "src/stage.ts",
  "src/party.ts",
  "src/names.ts",
  "src/text.ts",
  "src/json-grammar.ts",
  "src/json-readers.ts",
  "src/ip-address.ts",
  "src/destination.ts",
  "src/recent-map.ts",
  "src/sinks/errors.ts",
  "src/sinks/owned-file.ts",
  "src/sinks/printable.ts",
  "src/sinks/quantity.ts",
]);

interface Import {
  /** Paths from the root of the repository; `to` is a package's name where it is none of its files. */
  readonly from: string;
  readonly to: string;
}

/** Every static, dynamic and re-exporting import, types included, as the compiler's own scanner cannot drop them. */
async function readImports(folder: string): Promise<Import[]> {
  const imports: Import[] = [];
  const statement =
    /(?:^|[;\s])(?:import|export)\s(?:[^"'`;]*?\sfrom\s*)?["']([^"']+)["']|\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/gm;
  for await (const file of new Glob(`${folder}/**/*.ts`).scan(root)) {
    const text = await Bun.file(join(root, file)).text();
    const code = text.replace(/^\s*(?:\/\*\*?|\*|\/\/).*$/gm, "");
    for (const [, static_, dynamic] of code.matchAll(statement)) {
      const to = static_ ?? dynamic ?? "";
      const isFile = to.startsWith(".");
      imports.push({
        from: file,
        to: isFile ? relative(root, resolve(root, dirname(file), to)) : to,
      });
    }
  }
  return imports;
}

function roomOf(path: string): string | undefined {
  const [top, room] = path.split("/");
  return top === "src" && room !== undefined && rooms.includes(room) ? room : undefined;
}

/** undefined: the import is allowed. */
function breachOf({ from, to }: Import): string | undefined {
  const room = roomOf(from);
  if (room === undefined || !/^(?:src|ffi|test|scripts|bpf)\//.test(to)) return undefined;
  const other = roomOf(to);
  if (other === room || shared.has(to)) return undefined;
  // The way begins in the kernel, and ffi/ is how capture reaches it.
  if (room === "capture" && to.startsWith("ffi/")) return undefined;
  if (other === undefined) return `${from} imports ${to}, which is in no room`;
  if (rooms.indexOf(other) > rooms.indexOf(room)) return `${from} imports ${to}, a later room`;
  return to === `src/${other}/types.ts` ? undefined : `${from} imports ${to}, which is no types.ts`;
}

test("src: a room imports only the types of earlier rooms", async () => {
  const imports = await readImports("src");
  expect(imports.length).toBeGreaterThan(20);
  expect(imports.flatMap((entry) => breachOf(entry) ?? [])).toEqual([]);
});

/** One circle of files that import each other, types included; empty when there is none. */
function circleIn(imports: readonly Import[]): readonly string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): readonly string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const to of next.get(file) ?? []) {
      const circle = walk(to, [...path, file]);
      if (circle.length > 0) return circle;
    }
    done.add(file);
    return [];
  };
  for (const file of next.keys()) {
    const circle = walk(file, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

test("src, ffi: no files import each other in a circle, not even their types", async () => {
  expect(circleIn([...(await readImports("src")), ...(await readImports("ffi"))])).toEqual([]);
});

test("a circle of imports is found", () => {
  const pairs = ["ab", "bc", "cd", "db", "ce"];
  const imports = pairs.map(([from = "", to = ""]) => ({ from, to }));
  expect(circleIn(imports)).toEqual(["b", "c", "d", "b"]);
});

test("src: rooms before the sinks import nothing that does I/O", async () => {
  const imports = await readImports("src");
  const pure = rooms.slice(0, rooms.indexOf("sinks")).filter((room) => room !== "capture");
  const breaches = imports.filter(({ from, to }) => {
    const room = roomOf(from);
    if (room === undefined || !pure.includes(room) || to.startsWith("src/")) return false;
    // decompression is computation: its synchronous calls do no I/O, nor does what is used of hpack.js
    const isDecoder = to === "node:zlib" || to === "hpack.js";
    return to !== "node:buffer" && !(room === "framing" && isDecoder);
  });
  expect(breaches).toEqual([]);
});

test("src: only ffi/ imports bun:ffi", async () => {
  const imports = [...(await readImports("src")), ...(await readImports("scripts"))];
  expect(imports.filter(({ to }) => to === "bun:ffi")).toEqual([]);
});

test.each([
  ["src/framing/stdio.ts", "src/stream/types.ts", true],
  ["src/framing/stdio.ts", "src/stage.ts", true],
  ["src/framing/stdio.ts", "src/framing/decode-line.ts", true],
  ["src/main.ts", "src/framing/stdio.ts", true],
  ["src/exchange/x.ts", "src/message/methods.ts", false],
  ["src/message/x.ts", "src/exchange/types.ts", false],
  ["src/message/x.ts", "src/cli/types.ts", false],
  ["src/capture/x.ts", "ffi/object.ts", true],
  ["src/stream/x.ts", "ffi/object.ts", false],
])("the layering rule, for %s importing %s, says %p", (from, to, allowed) => {
  expect(breachOf({ from, to }) === undefined).toBe(allowed);
});
