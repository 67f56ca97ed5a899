/** TLS stacks whose functions have names: of small files made here, and of this machine's libraries, against nm. */
import { expect, test } from "bun:test";
import { analyse } from "../../../src/libraries/analyse.ts";
import type { Analysis } from "../../../src/libraries/types.ts";
import { makeElf, makeSymbols, readerOf, type SymbolOf } from "./make-elf.ts";
import { analyseFile, libraryNamed, offsetByBinutils, run } from "./program.ts";

const CODE_AT = 0x1000;
const BUILD_ID = Buffer.concat([
  Buffer.from([4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0]),
  Buffer.from("GNU\0\x01\x02\xab\xcd", "latin1"),
]);

function analyseSymbols(symbols: readonly SymbolOf[], type: 2 | 11 = 11): Analysis {
  const file = makeElf([
    { name: ".text", at: CODE_AT, bytes: Buffer.alloc(0x1000, 0xcc), mapped: "rx" },
    { name: ".note", at: 0x400, bytes: BUILD_ID, type: 7, mapped: "r" },
    ...makeSymbols(symbols, { at: 0x2000, names: 4, type }),
  ]);
  return analyse(readerOf(file, 1000), file.length);
}

function at(name: string, index: number): SymbolOf {
  return { name, at: CODE_AT + index * 16 };
}

function found(symbols: readonly SymbolOf[], type: 2 | 11 = 11): unknown {
  const { buildId, libraries, notHeard } = analyseSymbols(symbols, type);
  return {
    buildId,
    heard: libraries.map(({ stack, calls, foundBy, abi, probes }) => ({
      stack,
      calls,
      foundBy,
      abi,
      probes: probes.map((probe) => [
        probe.function,
        probe.role,
        (probe.entry - CODE_AT) / 16,
        probe.returns,
      ]),
    })),
    notHeard,
  };
}

const u = undefined;
const OPENSSL = ["SSL_read", "SSL_write", "SSL_read_ex", "SSL_write_ex", "SSL_set_fd", "SSL_free"];

test.each([11, 2] as const)("analyse reads the names of OpenSSL in a table of type %d", (type) => {
  const symbols = OPENSSL.map((name, i) => ({ ...at(name, i), local: type === 2 }));
  expect(found(symbols, type)).toEqual({
    buildId: "0102abcd",
    heard: [
      {
        stack: "openssl",
        calls: u,
        foundBy: "symbols",
        abi: "c",
        probes: [
          ["SSL_read", "read", 0, u],
          ["SSL_read_ex", "read_ex", 2, u],
          ["SSL_write", "write", 1, u],
          ["SSL_write_ex", "write_ex", 3, u],
          ["SSL_set_fd", "set_fd", 4, u],
          ["SSL_free", "free", 5, u],
        ],
      },
    ],
    notHeard: [],
  });
});

test.each([
  ["boringssl", ["SSL_read", "SSL_write", "SSL_set_custom_verify"], u, [0, 1]],
  ["gnutls", ["gnutls_record_recv", "gnutls_record_send", "gnutls_deinit"], u, [0, 1, 2]],
  ["nss", ["PR_Read", "PR_Write", "PR_Send"], u, [0, 1, 2]],
  ["nss", ["SSL_ImportFD"], u, [0]],
  ["dotnet", ["CryptoNative_SslRead", "CryptoNative_SslWrite"], "openssl", [0, 1]],
] as const)("analyse tells %s by %p", (stack, names, calls, places) => {
  const { libraries, notHeard } = analyseSymbols(names.map((name, i) => at(name, i)));
  expect(libraries.map((one) => [one.stack, one.calls])).toEqual([[stack, calls]]);
  const entries = libraries.flatMap((one) => one.probes.map(({ entry }) => entry));
  expect(entries).toEqual(places.map((place) => CODE_AT + place * 16));
  expect(notHeard).toEqual([]);
});

test("analyse leaves out gnutls_record_send where it only jumps to gnutls_record_send2", () => {
  const names = ["gnutls_record_recv", "gnutls_record_send", "gnutls_record_send2"];
  const [library] = analyseSymbols(names.map((name, i) => at(name, i))).libraries;
  expect(library?.probes.map((probe) => [probe.function, probe.role])).toEqual([
    ["gnutls_record_recv", "read"],
    ["gnutls_record_send2", "write"],
  ]);
});

test.each([
  [
    "imported",
    [
      { name: "SSL_read", at: 0 },
      { name: "SSL_write", at: 0 },
    ],
    u,
  ],
  ["of data", [at("SSL_read", 0), at("SSL_write", 1)].map((one) => ({ ...one, kind: 1 })), u],
  ["outside of code", [at("SSL_read", 0x1000), at("SSL_write", 0x1001)], u],
  ["longer ones", [at("my_SSL_read_all", 0), at("SSL_writer", 1)], u],
  ["of what frees alone", [at("SSL_free", 0), at("PR_Close", 1)], u],
  ["of what reads alone", [at("SSL_read", 0)], "its symbols name what reads and not what writes"],
  ["of what writes alone", [at("SSL_write", 0)], "its symbols name what writes and not what reads"],
  [
    "of two functions",
    [at("SSL_read", 0), at("SSL_read", 1), at("SSL_write", 2)],
    "two functions are called SSL_read",
  ],
] satisfies [string, SymbolOf[], string | undefined][])(
  "analyse does not take names %s",
  (_, symbols, reason) => {
    expect(found(symbols)).toEqual({
      buildId: "0102abcd",
      heard: [],
      notHeard: reason === u ? [] : [{ stack: "openssl", reason }],
    });
  },
);

test("analyse takes a name that ends a longer one, as linkers put the two together", () => {
  const file = makeElf([
    { name: ".text", at: CODE_AT, bytes: Buffer.alloc(0x1000, 0xcc), mapped: "rx" },
    ...makeSymbols([at("my_SSL_read", 0), at("SSL_write", 1), at("SSL_read", 2)], {
      at: 0x2000,
      names: 3,
      type: 11,
    }),
  ]);
  // st_name of the third: into the first's text
  file.writeUInt32LE(1 + "my_".length, 0x2000 + 3 * 24);
  const [library] = analyse(readerOf(file), file.length).libraries;
  expect(library?.probes[0]?.entry).toBe(CODE_AT + 32);
});

test("analyse names Java's virtual machine with the reason", () => {
  expect(analyseSymbols([at("JNI_CreateJavaVM", 0)]).notHeard).toEqual([
    { stack: "java", reason: "Java's TLS is compiled while the program runs" },
  ]);
});

const CODE = 0x50000;
test.each([
  ["/home/a/.cargo/registry/src/index/rustls-0.23.40/src/conn.rs", "rustls", "rustls 0.23.40"],
  ["../ssl/ssl_lib.c", "openssl", "its names are stripped"],
] as const)("analyse names what is linked in and has only the text %s", (text, stack, reason) => {
  const file = makeElf([
    {
      name: ".rodata",
      at: 0x1000,
      bytes: Buffer.from(`\0/tokio-rustls-0.26.1/src/\0${text}\0`.padEnd(512), "latin1"),
      mapped: "r",
    },
    { name: ".text", at: 0x2000, bytes: Buffer.alloc(CODE, 0xcc), mapped: "rx" },
  ]);
  const { libraries, notHeard } = analyse(readerOf(file), file.length);
  expect(libraries).toEqual([]);
  expect(notHeard).toEqual([{ stack, reason: expect.stringContaining(reason) }]);
});

const LIBRARIES = ["libssl.so.3", "libgnutls.so.30", "libnspr4.so", "libssl3.so"]
  .map(libraryNamed)
  .filter((path) => path !== undefined);

/** Node, where it has OpenSSL in itself. */
const NODE = Bun.which("node") ?? "";

test("analyse agrees with nm and readelf on this machine's libraries and Node", () => {
  const programs = NODE === "" ? LIBRARIES : [...LIBRARIES, run("readlink", "-f", NODE).trim()];
  // libssl.so.3 is what `make setup-build` asks for: `openssl`
  expect(programs.some((path) => path.endsWith("libssl.so.3"))).toBe(true);
  for (const path of programs) {
    const { buildId, libraries } = analyseFile(path);
    expect(run("readelf", "-n", path)).toContain(`Build ID: ${buildId}`);
    for (const probe of libraries.flatMap((library) => library.probes)) {
      expect([path, probe.function, probe.entry]).toEqual([
        path,
        probe.function,
        offsetByBinutils(path, probe.function, true) ?? -1,
      ]);
    }
  }
  const stacks = LIBRARIES.map((path) => analyseFile(path).libraries.map(({ stack }) => stack));
  expect(new Set(stacks.flat()).size).toBeGreaterThan(0);
});
