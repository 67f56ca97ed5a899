/** The offsets that src/capture/layout.ts decodes by, against the BTF of the objects that are shipped. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  CHANNEL,
  CHANNEL_KEY,
  CHANNEL_KINDS,
  EVENT,
  HOLDER_EVENT,
  IO_EVENT,
  IO_FLAG,
  LINK,
  PROCESS_EVENT,
  SOCKET_EVENT,
} from "../../src/capture/layout.ts";
import { at, type Json, listAt, numberAt, parseObject, textAt } from "./json.ts";
import { ROOT, titled } from "./settings.ts";

const LAYOUTS = {
  io_event: IO_EVENT,
  process_event: PROCESS_EVENT,
  holder_event: HOLDER_EVENT,
  socket_event: SOCKET_EVENT,
  link: LINK,
  channel: CHANNEL,
  channel_key: CHANNEL_KEY,
};
const BPFTOOL = Bun.which("bpftool", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });

/** Every member that is no padding, by its offset in bytes, and the size of the whole. */
function layoutOf(types: readonly unknown[], name: string): Record<string, number> {
  const struct = types.find((type) => at(type, "kind") === "STRUCT" && at(type, "name") === name);
  const members = listAt(struct, "members")
    .filter((member) => !textAt(member, "name").startsWith("_"))
    .map((member) => [textAt(member, "name"), numberAt(member, "bits_offset") / 8] as const);
  return { ...Object.fromEntries(members), size: numberAt(struct, "size") };
}

function dump(object: string): readonly unknown[] {
  const { stdout } = Bun.spawnSync([BPFTOOL ?? "", "-j", "btf", "dump", "file", object]);
  const dumped: Json = parseObject(stdout.toString());
  return listAt(dumped, "types");
}

/** `NAME = VALUE` of one enum of event.h, without the prefix. */
function enumOf(header: string, name: string, prefix: string): Record<string, number> {
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(header)?.[1] ?? "";
  const values = [...body.matchAll(/^\s*([A-Z_]+) =\s+(?:(\d+) << )?(\d+),/gm)].map((match) => {
    const [, key = "", base, number] = match;
    const value = base === undefined ? Number(number) : Number(base) << Number(number);
    return [key.slice(prefix.length).toLowerCase(), value] as const;
  });
  return Object.fromEntries(values);
}

describe.each(["x64", "arm64"])("object for %s", (architecture) => {
  const object = join(ROOT, `build/${architecture}/overhear.bpf.o`);
  const lacks = BPFTOOL === null ? "bpftool" : existsSync(object) ? undefined : object;
  test.skipIf(lacks !== undefined).each(Object.entries(LAYOUTS))(
    titled("struct %s lies as src/capture/layout.ts has it", lacks),
    (name, layout) => {
      expect(layoutOf(dump(object), name)).toEqual(layout);
    },
  );
});

test("the enums of bpf/event.h have the values of src/capture/layout.ts", () => {
  const header = readFileSync(join(ROOT, "bpf/event.h"), "utf8");
  expect(enumOf(header, "event_kind", "EVENT_")).toEqual(EVENT);
  expect(enumOf(header, "io_flag", "IO_")).toEqual(IO_FLAG);
  const kinds = CHANNEL_KINDS.map((kind, value) => [kind?.replace("-", "_"), value] as const);
  expect(enumOf(header, "channel_kind", "CHANNEL_")).toEqual(
    Object.fromEntries(kinds.filter(([kind]) => kind !== undefined)),
  );
});
