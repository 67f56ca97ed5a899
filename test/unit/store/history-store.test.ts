import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startStoreThread } from "../../../src/cli/start-store-thread.ts";
import { redactor } from "../../../src/sinks/redact.ts";
import { type HistoryOptions, HistoryStore } from "../../../src/store/history-store.ts";
import { openForReading, openForWriting } from "../../../src/store/open-database.ts";
import { HistoryReader } from "../../../src/store/reader.ts";
import {
  callAnswer,
  callRequest,
  clock,
  loss,
  message,
  messageLine,
  summary,
} from "../sinks/items.ts";
import { TemporaryFolder } from "../sinks/temporary-folder.ts";
import { TestHistory } from "./history.ts";
import { traffic } from "./traffic.ts";

const isRoot = process.geteuid?.() === 0;
const SECRET = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

interface Opened {
  readonly store: HistoryStore;
  readonly said: string[];
}

function open(path: string, over: Partial<HistoryOptions> = {}): Opened {
  const said: string[] = [];
  const store = new HistoryStore({
    path,
    owner: undefined,
    clock,
    version: "test",
    keep: { ageMs: undefined, bytes: undefined },
    maxBodyBytes: 65_536,
    isRedacted: false,
    recordsFiles: false,
    isLive: true,
    isOwn: () => false,
    isOwnEnd: () => false,
    startThread: startStoreThread,
    report: (line) => said.push(line.replace(/^overhear: history "[^"]*": /, "")),
    ...over,
  });
  return { store, said };
}

function count(path: string, table: string): number {
  using db = openForReading(path);
  return db.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? -1;
}

/** Waits for a condition, however long a busy machine takes. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5);
}

/** A message whose body is as long as bodies get. */
function longMessage() {
  const text = "x".repeat(60_000);
  const raw = `{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${text}"}}`;
  const line = {
    type: "notification",
    idText: undefined,
    method: "notifications/message",
  } as const;
  return messageLine({ message: message({ ...line, raw }) });
}

describe("HistoryStore", () => {
  test("HistoryStore has stored everything when it is closed, and says how the run ended", async () => {
    using folder = new TemporaryFolder();
    const { store, said } = open(folder.at("x.db"));
    let calls = 0;
    for (const items of traffic({ calls: 500, startNs: 1e15, lastsNs: 60e9 })) {
      expect(store.write(items)).toBeUndefined();
      calls += items.filter(({ kind }) => kind === "call").length;
    }
    await store.close(summary());
    expect(said).toEqual([]);
    expect(count(folder.at("x.db"), "calls")).toBe(calls);
    using reader = new HistoryReader(folder.at("x.db"));
    expect(reader.coverage().runs).toMatchObject([
      { frontEnd: "fexit", kernel: "6.12.1", exact: true, endMs: expect.any(Number) },
    ]);
    expect(statSync(`${folder.at("x.db")}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
  });

  test("HistoryStore is read while it is written, and flush has all of it there", async () => {
    using folder = new TemporaryFolder();
    const { store } = open(folder.at("x.db"));
    await store.write([callRequest()]);
    await store.flush();
    using reader = new HistoryReader(folder.at("x.db"));
    const [waits] = reader.calls({}, { before: undefined, limit: 5 }).items;
    expect(waits).toMatchObject({ status: "open", target: "get_weather" });
    expect(reader.failures({ sinceMs: 0, untilMs: undefined, limit: 5 }).waiting).toHaveLength(1);
    const answer = callAnswer();
    const request = callRequest();
    await store.write([
      answer,
      {
        kind: "call",
        session: request.session,
        direction: "client-to-server",
        request: request.message,
        response: answer.message,
        method: "tools/call",
        target: "get_weather",
        outcome: "ok",
        chain: undefined,
        progressCount: 0,
        logCount: 0,
        timeNs: answer.message.frame.timeNs,
        durationMs: 23.4001,
        serverMs: 22.9,
      },
    ]);
    await store.flush();
    expect(reader.calls({}, { before: undefined, limit: 5 }).items).toMatchObject([
      { id: waits?.id, status: "ok", durationMs: 23.4 },
    ]);
    await store.close(summary());
  });

  test("HistoryStore masks secrets before they are stored, and cuts what is long", async () => {
    using folder = new TemporaryFolder();
    const { store } = open(folder.at("x.db"), { isRedacted: true, maxBodyBytes: 2048 });
    const params = {
      name: SECRET,
      arguments: { token: "hunter2", text: "x".repeat(1990) + SECRET },
    };
    const raw = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params });
    await store.write([
      messageLine({ message: message({ raw, body: params }), target: SECRET }),
      messageLine({
        message: message({ raw: raw.replace(/x{9,}/g, ""), body: params, idText: "8" }),
      }),
    ]);
    await store.close(summary());
    using db = openForReading(folder.at("x.db"));
    const stored = JSON.stringify([
      db.query("SELECT * FROM messages").all(),
      db.query("SELECT * FROM call_list").all(),
      db.query("SELECT * FROM tools").all(),
    ]);
    expect(stored).not.toContain(SECRET.slice(0, 12));
    expect(stored).not.toContain("hunter2");
    const bodies = db
      .query<{ body: string; is_cut: number }, []>("SELECT body, is_cut FROM messages ORDER BY id")
      .all();
    expect(bodies.map(({ is_cut }) => is_cut)).toEqual([1, 0]);
    expect(Buffer.byteLength(bodies[0]?.body ?? "")).toBeLessThanOrEqual(2048);
    expect(bodies[1]?.body).toBe(redactor.json(raw.replace(/x{9,}/g, "")));
  });

  test("HistoryStore counts what finds no room, says so, and stores that something is missing", async () => {
    using folder = new TemporaryFolder();
    const { store, said } = open(folder.at("x.db"));
    // the thread gets no turn to write before it is too much: it must first be started
    const all = Array.from({ length: 1000 }, longMessage);
    await store.write(all);
    await store.write([loss()]);
    expect(store.droppedRows).toBeGreaterThan(0);
    await store.flush();
    // the share of time that it took is made up for
    for (let before = -1; before !== store.droppedRows; await Bun.sleep(5)) {
      before = store.droppedRows;
      await store.write([callRequest()]);
    }
    const { droppedRows } = store;
    await store.close(summary());
    expect(said).toEqual([`${droppedRows} of the rows of this run are not in it`]);
    expect(count(folder.at("x.db"), "losses WHERE reason = 'not_stored'")).toBeGreaterThan(0);
    using reader = new HistoryReader(folder.at("x.db"));
    expect(reader.coverage().droppedRows).toBe(droppedRows);
    expect(reader.coverage().messages + droppedRows).toBeGreaterThanOrEqual(all.length);
  });

  test("HistoryStore drops nothing of a recording: it has it wait", async () => {
    using folder = new TemporaryFolder();
    const { store, said } = open(folder.at("x.db"), { isLive: false });
    for (let round = 0; round < 10; round++)
      await store.write(Array.from({ length: 100 }, longMessage));
    await store.close(summary());
    expect(said).toEqual([]);
    expect(count(folder.at("x.db"), "messages")).toBe(1000);
  });

  test.skipIf(!isRoot)(
    "root: HistoryStore says that the disk is full, goes on when there is room, and counts",
    async () => {
      using folder = new TemporaryFolder();
      const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "none", folder.path]);
      expect(mount.status).toBe(0);
      try {
        writeFileSync(folder.at("filler"), Buffer.alloc(3 << 20));
        const { store, said } = open(folder.at("x.db"));
        while (said.length === 0) {
          await store.write(Array.from({ length: 5 }, longMessage));
          await store.flush();
        }
        expect(said).toEqual([expect.stringContaining("no space left on device")]);
        const before = count(folder.at("x.db"), "messages");
        rmSync(folder.at("filler"));
        await until(() => said.length > 1);
        expect(said[1]).toBe("written again; 0 rows are missing");
        expect(count(folder.at("x.db"), "messages")).toBeGreaterThan(before);
        // full again, and this time to the end
        writeFileSync(folder.at("rest"), "");
        spawnSync("dd", ["if=/dev/zero", `of=${folder.at("rest")}`, "bs=64k"]);
        await store.write(Array.from({ length: 30 }, longMessage));
        await store.close(summary());
        expect(said.at(-1)).toMatch(/^[1-9]\d* of the rows of this run are not in it: no space/);
        rmSync(folder.at("rest"));
        const again = openForWriting(folder.at("x.db"));
        expect(again.query("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
        again.close();
      } finally {
        spawnSync("umount", ["-l", folder.path]);
      }
    },
    30_000,
  );

  test("HistoryStore: a kill leaves a whole database, in which all that was said to be stored is", async () => {
    using folder = new TemporaryFolder();
    const path = folder.at("x.db");
    let rows = 0;
    for (const round of [1, 2, 3]) {
      const child = Bun.spawn(
        [process.execPath, join(import.meta.dir, "writing-process.ts"), path],
        {
          stdout: "pipe",
          stderr: "inherit",
        },
      );
      // killed in the middle of whatever it does after the first rows were stored
      let text = "";
      for await (const chunk of child.stdout) {
        text += new TextDecoder().decode(chunk);
        if (Number(text.trim().split("\n").at(-1)) > round * 400_000) break;
      }
      child.kill("SIGKILL");
      await child.exited;
      using history = new TestHistory({ path });
      expect(history.rows("PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
      const stored = history.rows("SELECT id FROM calls").length;
      expect(stored).toBeGreaterThan(rows);
      rows = stored;
      const torn = history.rows(
        "SELECT id FROM calls WHERE tool_id NOT IN (SELECT id FROM tools) OR session_id NOT IN (SELECT id FROM sessions)",
      );
      expect(torn).toEqual([]);
      const sums = history.rows(
        "SELECT (SELECT sum(calls) FROM segments) AS segments, (SELECT count(*) FROM calls) AS calls, (SELECT sum(calls) FROM call_sums) AS summed, (SELECT count(*) FROM calls WHERE outcome <> 'open') AS ended",
      );
      const [{ segments, calls, summed, ended }] = [Object(sums[0])];
      expect([segments, summed]).toEqual([calls, ended]);
      const runs = history
        .rows("SELECT ended_by FROM runs ORDER BY id")
        .map((row) => Object(row).ended_by);
      expect(runs.at(-2)).toBe("killed");
      history.end();
    }
  }, 60_000);

  test("HistoryStore that loses its thread says so, and does not wait for it", async () => {
    using folder = new TemporaryFolder();
    const { store, said } = open(folder.at("x.db"), {
      startThread: () =>
        new Worker(URL.createObjectURL(new Blob(["throw new Error('out of memory')"]))),
    });
    await store.write([loss()]);
    await until(() => said.length > 0);
    expect(said[0]).toContain("not written any more");
    await store.write([loss()]);
    await store.flush();
    await store.close(summary());
    expect(store.droppedRows).toBeGreaterThanOrEqual(2);
    expect(said.at(-1)).toMatch(/^\d+ of the rows of this run are not in it/);
  });
});
