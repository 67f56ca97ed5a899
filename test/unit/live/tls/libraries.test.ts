/** Which files are listened to, and what is known of the others. */
import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analysis, FakeTlsKernel, library, makeLibraries, mapped } from "./kernel.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "overhear-libraries."));
afterAll(() => rmSync(FOLDER, { recursive: true }));

let count = 0;
function file(): string {
  count += 1;
  const path = join(FOLDER, String(count));
  writeFileSync(path, "anything");
  return path;
}

const OPENSSL = analysis({ libraries: [library("openssl")] });
const NAMELESS = analysis({ libraries: [library("boringssl", { foundBy: "error-sites" })] });
const never = () => false;

test("Libraries listens to a file once, whatever name it comes by", () => {
  const { libraries, kernel, said } = makeLibraries(OPENSSL);
  const path = file();
  expect(libraries.isKnown("1")).toBe(false);
  expect(libraries.lookInto(mapped("1", path))).toBe("done");
  expect(libraries.lookInto(mapped("1", "/other/name"))).toBe("done");
  expect(kernel.tapped).toEqual(["openssl_read openssl_write"]);
  expect(libraries.stacksIn("1")).toEqual([{ stack: "openssl", state: "heard", sinceNs: 1000 }]);
  expect(said).toEqual([`overhear: hears what is encrypted in "${path}" (openssl)`]);
  libraries[Symbol.dispose]();
});

test("Libraries says of a file that is gone that it is not known", () => {
  const { libraries } = makeLibraries(OPENSSL);
  expect(libraries.lookInto(mapped("1", "/no/such/file"))).toBe("gone");
  expect(libraries.isKnown("1")).toBe(false);
});

test("Libraries opens the kernel's part only for a library that is heard", () => {
  const found = analysis({
    libraries: [
      library("dotnet", { calls: "openssl" }),
      library("go", { abi: "go-stack" }),
      library("nss", { probes: [] }),
    ],
    notHeard: [{ stack: "rustls", reason: "why" }],
  });
  const { libraries, kernel } = makeLibraries(found);
  libraries.lookInto(mapped("1", file()));
  expect(kernel.tapped).toEqual([]);
  expect(libraries.stacksIn("1").map(({ stack, state }) => `${stack} ${state}`)).toEqual([
    "go unheard",
    "rustls unheard",
  ]);
});

test.each(["open", "tap"] as const)("Libraries counts what the kernel refuses to %s", (refuses) => {
  const kernel = new FakeTlsKernel();
  kernel.refuses = refuses;
  const { libraries, said } = makeLibraries(OPENSSL, kernel);
  const before = descriptors();
  libraries.lookInto(mapped("1", file()));
  libraries.lookInto(mapped("2", file()));
  expect(libraries.refused).toBe(2);
  expect(libraries.stacksIn("2").map(({ state }) => state)).toEqual(["refused"]);
  expect(said.length).toBe(2);
  expect(descriptors()).toBe(before);
});

function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

test("Libraries lets a library go that was found without its names and gives nothing like HTTP", () => {
  const { libraries, kernel, said } = makeLibraries(NAMELESS);
  const path = file();
  libraries.lookInto(mapped("1", path));
  const strange = (pid: number) => libraries.strange(pid, ["0", "1"], never);
  expect([strange(7), strange(7), strange(8)]).toEqual([[], [], []]);
  expect(strange(9)).toEqual([path]);
  expect([strange(10), strange(11), strange(12)]).toEqual([[], [], []]);
  expect(kernel.detached).toBe(1);
  expect(libraries.stacksIn("1").map(({ state }) => state)).toEqual(["unheard"]);
  expect(said.at(-1)).toContain("any more");
});

test.each([
  ["that has its names", OPENSSL, never],
  ["that gave HTTP to others", NAMELESS, () => true],
])("Libraries keeps a library %s", (_, found, isProven) => {
  const { libraries, kernel } = makeLibraries(found);
  libraries.lookInto(mapped("1", file()));
  for (let pid = 1; pid < 20; pid++) expect(libraries.strange(pid, ["1"], isProven)).toEqual([]);
  expect(kernel.detached).toBe(0);
  libraries[Symbol.dispose]();
});

test("Libraries takes its probes out of a file that was changed, and looks into it again", () => {
  const { libraries, kernel, said } = makeLibraries(OPENSSL);
  const path = file();
  libraries.lookInto(mapped("1", path));
  libraries.checkChanged();
  expect(kernel.detached).toBe(0);
  appendFileSync(path, "more");
  libraries.checkChanged();
  libraries.checkChanged();
  expect([kernel.detached, libraries.isKnown("1")]).toEqual([1, false]);
  expect(said.at(-1)).toContain("was changed");
  libraries.lookInto(mapped("1", path));
  expect(kernel.tapped.length).toBe(2);
  libraries[Symbol.dispose]();
});
