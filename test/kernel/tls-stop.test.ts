/** Stopping takes no time where the kernel takes uprobes down one after another. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { listAt, numberAt, parseObject } from "./json.ts";
import { EMULATED, PATIENCE_MS, titled, worksHere } from "./settings.ts";
import { BUN, call, lacks, NODE, Server } from "./tls/parties.ts";
import { until } from "./until.ts";

setDefaultTimeout(PATIENCE_MS * 4);

const OPENSSL = "/usr/lib/x86_64-linux-gnu/libssl.so.3";
const SCRIPT = join(import.meta.dir, "tls/stop.ts");
/** Node gives a handshake 10 s, which is not enough in emulation. */
const CLIENT = EMULATED ? "bun" : "node";
const lack = lacks("node") ?? (existsSync(OPENSSL) ? undefined : OPENSSL);

test.skipIf(lack !== undefined)(
  titled("perf events of many probes are left behind, and go soon after", lack),
  async () => {
    await using running = await Server.start("node");
    await call(CLIENT, running.port);
    const front = worksHere("fexit") ? "fexit" : "tracepoint";
    const tool = Bun.spawn([BUN, SCRIPT, front, OPENSSL, NODE ?? "", BUN], { stdout: "pipe" });
    const report = parseObject(await new Response(tool.stdout).text());
    const before = performance.now();
    expect(await tool.exited).toBe(0);
    expect(performance.now() - before).toBeLessThan(2000);
    expect(numberAt(report, "probes")).toBeGreaterThan(15);
    expect(numberAt(report, "tookMs")).toBeLessThan(1000);
    const [keeper, ...more] = listAt(report, "keepers").map(Number);
    expect([typeof keeper, more]).toEqual(["number", []]);
    // who was listened to goes on meanwhile, and afterwards
    await call(CLIENT, running.port);
    await until(() => !isAlive(keeper ?? 0), "the one who was left behind ends");
    await call(CLIENT, running.port);
  },
);

function isAlive(pid: number): boolean {
  try {
    // one that has ended and was not waited for yet
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
