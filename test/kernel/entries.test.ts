/** Channels come and go: the kernel's entries of them go, too, also of those that no record ever named. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { at, listAt, numberAt } from "./json.ts";
import { ANY_FRONT_END, EMULATED, missing, PATIENCE_MS, titled } from "./settings.ts";
import { Tool } from "./tool.ts";
import { talk } from "./traffic.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const CONNECTIONS = EMULATED ? 40 : 1000;
const AT_ONCE = 20;
const BPFTOOL = Bun.which("bpftool", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });
const lacks = missing() ?? (BPFTOOL === null ? "bpftool" : undefined);

function bpftool(...args: readonly string[]): readonly unknown[] {
  const { stdout } = Bun.spawnSync([BPFTOOL ?? "", "-j", ...args]);
  const shown: unknown = JSON.parse(stdout.toString() || "[]");
  return listAt({ shown }, "shown");
}

/** Ids of all maps of these names. */
function maps(...names: readonly string[]): Set<number> {
  const named = bpftool("map", "show").filter((map) => names.includes(String(at(map, "name"))));
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
    const before = maps("channels", "tcp_channels", "ended");
    await using tool = await Tool.start("--attach", ANY_FRONT_END, ...filter);
    const mine = [...maps("channels", "tcp_channels", "ended")].filter((id) => !before.has(id));
    expect(mine.length).toBe(3);
    const kinds = ["pipe", "fifo", "socketpair", "unix-listen", "tcp4", "tcp6", "tcp-mapped"];
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

  test("of 1,000 short connections are gone when these are", async () => {
    const before = maps("channels", "tcp_channels", "ended", "links");
    await using tool = await Tool.start("--attach", ANY_FRONT_END);
    const mine = [...maps("channels", "tcp_channels", "ended", "links")].filter(
      (id) => !before.has(id),
    );
    expect(mine.length).toBe(4);
    const others = entries(mine);
    for (let i = 0; i < CONNECTIONS / AT_ONCE; i++) {
      const how = i % 2 === 0 ? ["--http", "mixed"] : [];
      await Promise.all(
        Array.from({ length: AT_ONCE }, (_, j) =>
          talk(["--channel", "tcp4", "--messages", "1", "--tag", `short-${i}-${j}`, ...how]),
        ),
      );
    }
    const deadline = Date.now() + PATIENCE_MS;
    while (entries(mine) > others + 8 && Date.now() < deadline) await Bun.sleep(200);
    expect(entries(mine)).toBeLessThanOrEqual(others + 8);
    await tool.stop();
  });
});
