/** A file in; where the texts that tell a TLS stack stand in what it only reads out: one pass over it for all. */
import { type Elf, readOnlySegments } from "./elf.ts";
import type { FileView } from "./file-view.ts";

/** Names of source files, which stay in the messages of errors and panics. */
const TEXTS = {
  boringssl: Buffer.from("ssl/ssl_lib.cc\0", "latin1"),
  openssl: Buffer.from("ssl/ssl_lib.c\0", "latin1"),
  rustls: Buffer.from("/rustls-", "latin1"),
} as const;

type Text = keyof typeof TEXTS;
const NAMES: readonly Text[] = ["boringssl", "openssl", "rustls"];
const OVERLAP = Math.max(...NAMES.map((name) => TEXTS[name].length)) - 1;
/** Of each text; as often as it may stand elsewhere than where it is looked for. */
const MAX_PLACES = 64;

/** Bytes of the file at which each text stands, in order. */
export type Texts = Readonly<Record<Text, readonly number[]>>;

export function findTexts(file: FileView, elf: Elf): Texts {
  const found: Record<Text, number[]> = { boringssl: [], openssl: [], rustls: [] };
  for (const { at, bytes } of readOnlySegments(elf)) {
    file.scan(at, at + bytes, OVERLAP, (window, from) => {
      for (const name of NAMES) addPlaces(window, from, TEXTS[name], found[name]);
      return undefined;
    });
  }
  return found;
}

function addPlaces(window: Buffer, from: number, text: Buffer, places: number[]): void {
  for (let i = window.indexOf(text); i >= 0; i = window.indexOf(text, i + 1)) {
    if (places.length >= MAX_PLACES) return;
    if (places.at(-1) !== from + i) places.push(from + i);
  }
}

/** Whether the end of the name of BoringSSL's source file begins at this byte of the file. */
export function hasBoringSslText(file: FileView, at: number): boolean {
  return file.bytes(at, TEXTS.boringssl.length).equals(TEXTS.boringssl);
}

/** Longest path of a source file that is read. */
const MAX_PATH = 256;

/** Where the NUL-terminated text begins that has `at` in it. undefined: too far before. */
export function textStart(file: FileView, at: number): number | undefined {
  const from = Math.max(0, at - MAX_PATH);
  const before = file.bytes(from, at - from).lastIndexOf(0);
  return before < 0 ? undefined : from + before + 1;
}

/** The version of rustls whose sources the program names: "0.23.40". undefined: none; Rust's texts end without a NUL. */
export function rustlsVersion(file: FileView, texts: Texts): string | undefined {
  for (const at of texts.rustls) {
    const text = file.bytes(at, 48).toString("latin1");
    const [, version] = /^\/rustls-(\d+\.\d+\.\d+[\w.-]*)\/src\//.exec(text) ?? [];
    if (version !== undefined) return version;
  }
  return undefined;
}
