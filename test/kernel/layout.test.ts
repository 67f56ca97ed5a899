/** The offsets that src/capture/layout.ts decodes by, against the BTF of the objects that are shipped. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { variableOffsets } from "../../src/capture/globals.ts";
import {
  ASIDE,
  CHANNEL,
  CHANNEL_KEY,
  CHANNEL_KINDS,
  CONNECTION,
  CONNECTION_EVENT,
  CONNECTION_FLAG,
  CONNECTION_WHAT,
  DESTINATION_KEY,
  EARLY,
  EVENT,
  FILE_CHANGE,
  FILE_CHANGE_EVENT,
  FILE_PLACE,
  HOLDER_EVENT,
  IO_EVENT,
  IO_FLAG,
  LINK,
  MAPPED_EVENT,
  PAYLOAD_EVENT,
  PROCESS_EVENT,
  SOCKET_EVENT,
  TLS_EVENT,
  TLS_FLAG,
  TLS_USER,
} from "../../src/capture/layout.ts";
import { at, type Json, listAt, numberAt, parseObject, textAt } from "./json.ts";
import { ROOT, titled } from "./settings.ts";

const LAYOUTS = {
  io_event: IO_EVENT,
  process_event: PROCESS_EVENT,
  holder_event: HOLDER_EVENT,
  socket_event: SOCKET_EVENT,
  mapped_event: MAPPED_EVENT,
  tls_user: TLS_USER,
  link: LINK,
  early: EARLY,
  channel: CHANNEL,
  channel_key: CHANNEL_KEY,
  aside: ASIDE,
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

/** The object for TLS uses the other one's maps and variables, as if they were its own. */
describe.each(["x64", "arm64"])("object for TLS, %s", (architecture) => {
  const objects = ["overhear", "tls"].map((name) =>
    join(ROOT, `build/${architecture}/${name}.bpf.o`),
  );
  const lacks = BPFTOOL === null ? "bpftool" : objects.find((each) => !existsSync(each));

  test.skipIf(lacks !== undefined)(titled("what both have lies alike in both", lacks), () => {
    const [main = [], tls = []] = objects.map(dump);
    for (const struct of [
      "io_event",
      "channel",
      "channel_key",
      "link",
      "place",
      "call",
      "tls_user",
    ]) {
      expect([struct, layoutOf(tls, struct)]).toEqual([struct, layoutOf(main, struct)]);
    }
    expect(layoutOf(tls, "tls_event")).toEqual(TLS_EVENT);
  });

  test.skipIf(lacks !== undefined)(titled("all variables lie alike in both", lacks), () => {
    const [main, tls] = objects.map((each) => variableOffsets(readFileSync(each), "bss"));
    const none: ReadonlyMap<string, number> = new Map();
    const shared = (offsets = none) =>
      [...offsets].filter(([name]) => !name.endsWith("_layout")).sort(([, a], [, b]) => a - b);
    expect(shared(tls).length).toBeGreaterThan(5);
    expect(shared(tls)).toEqual(shared(main));
    const size = Math.max(...(main ?? none).values());
    expect(Math.max(...(tls ?? none).values())).toBeLessThanOrEqual(size);
  });
});

const OWN_LAYOUTS: Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>
> = {
  connections: {
    connection_event: CONNECTION_EVENT,
    payload_event: PAYLOAD_EVENT,
    connection: CONNECTION,
    destination_key: DESTINATION_KEY,
  },
  files: { file_change_event: FILE_CHANGE_EVENT, file_place: FILE_PLACE },
};

/** The same of those for connections and files, of which the ring and the variables are shared. */
describe.each([
  ["x64", "connections"],
  ["x64", "files"],
  ["arm64", "connections"],
  ["arm64", "files"],
])("object for %s, %s", (architecture, name) => {
  const objects = ["overhear", name].map((each) =>
    join(ROOT, `build/${architecture}/${each}.bpf.o`),
  );
  const lacks = BPFTOOL === null ? "bpftool" : objects.find((each) => !existsSync(each));

  test.skipIf(lacks !== undefined)(titled("its structs lie as layout.ts has them", lacks), () => {
    const [, types = []] = objects.map(dump);
    for (const [struct, layout] of Object.entries(OWN_LAYOUTS[name] ?? {})) {
      expect({ struct, ...layoutOf(types, struct) }).toEqual({ struct, ...layout });
    }
  });

  test.skipIf(lacks !== undefined)(titled("all variables lie alike in both", lacks), () => {
    const [main, own] = objects.map((each) => variableOffsets(readFileSync(each), "bss"));
    const shared = (offsets: ReadonlyMap<string, number> = new Map()) =>
      [...offsets].filter(([name]) => !name.endsWith("_layout")).sort(([, a], [, b]) => a - b);
    expect(shared(own).length).toBeGreaterThan(5);
    expect(shared(own)).toEqual(shared(main));
    const size = (offsets: ReadonlyMap<string, number> = new Map()) =>
      Math.max(...offsets.values());
    expect(size(own)).toBeLessThanOrEqual(size(main));
  });
});

test("the enums of bpf/event.h have the values of src/capture/layout.ts", () => {
  const header = readFileSync(join(ROOT, "bpf/event.h"), "utf8");
  expect(enumOf(header, "event_kind", "EVENT_")).toEqual(EVENT);
  expect(enumOf(header, "io_flag", "IO_")).toEqual(IO_FLAG);
  expect(enumOf(header, "tls_flag", "TLS_")).toEqual(TLS_FLAG);
  expect(enumOf(header, "file_change", "FILE_")).toEqual(FILE_CHANGE);
  expect(enumOf(header, "connection_what", "CONNECTION_")).toEqual(CONNECTION_WHAT);
  expect(enumOf(header, "connection_flag", "CONNECTION_")).toEqual(CONNECTION_FLAG);
  const kinds = CHANNEL_KINDS.map((kind, value) => [kind?.replace("-", "_"), value] as const);
  expect(enumOf(header, "channel_kind", "CHANNEL_")).toEqual(
    Object.fromEntries(kinds.filter(([kind]) => kind !== undefined)),
  );
});
