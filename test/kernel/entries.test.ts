/** Channels come and go: the kernel's entries of them go, too, also of those that no record ever named. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { at, listAt, numberAt } from "./json.ts";
import { ANY_FRONT_END, EMULATED, missing, PATIENCE_MS, titled } from "./settings.ts";
import { Tool } from "./tool.ts";
import { talk } from "./traffic.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const BPFTOOL = Bun.which("bpftool", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });
const lacks = missing() ?? (BPFTOOL === null ? "bpftool" : undefined);

function bpftool(...args: readonly string[]): readonly unknown[] {
  const { stdout } = Bun.spawnSync([BPFTOOL ?? "", "-j", ...args]);
  const shown: unknown = JSON.parse(stdout.toString() || "[]");
  return listAt({ shown }, "shown");
}

/** Ids of all maps with entries of channels. */
function maps(): Set<number> {
  const named = bpftool("map", "show").filter((map) =>
    ["channels", "ended"].includes(String(at(map, "name"))),
  );
  return new Set(named.map((map) => numberAt(map, "id")));
}

function entries(ids: readonly number[]): number {
  return ids.reduce((sum, id) => sum + bpftool("map", "dump", "id", String(id)).length, 0);
}

describe.skipIf(lacks !== undefined)(titled("entries", lacks), () => {
  test.each([
    ["heard", []],
    ["kept out by a filter", ["--comm", "nobody"]],
  ])("of channels that are %s are gone when these are", async (_, filter) => {
    const before = maps();
    await using tool = await Tool.start("--attach", ANY_FRONT_END, ...filter);
    const mine = [...maps()].filter((id) => !before.has(id));
    expect(mine.length).toBe(2);
    const kinds = ["pipe", "fifo", "socketpair", "unix-listen"];
    // at a time, so that none gets the address of another
    const talks = Array.from({ length: EMULATED ? 3 : 10 }, () => kinds).flat();
    await Promise.all(
      talks.map((channel, i) => talk(["--channel", channel, "--tag", `gone-${i}`])),
    );
    // those of this test's own pipes stay; unnamed ones are looked for every 10 s
    const deadline = Date.now() + PATIENCE_MS;
    while (entries(mine) > 8 && Date.now() < deadline) await Bun.sleep(200);
    expect(entries(mine)).toBeLessThanOrEqual(8);
    await tool.stop();
  });
});
