import { expect, test } from "bun:test";
import type { ConnectionEvent } from "../../../src/capture/types.ts";
import type { ConnectionInput } from "../../../src/connections/connection-stage.ts";
import type { ConnectionLine } from "../../../src/connections/types.ts";
import { ConnectionsWatch } from "../../../src/live/connections-watch.ts";
import { brief, event, MS, setUp, udp, unix } from "../connections/events.ts";

const SECOND = 1000 * MS;

interface Counts {
  readonly sent: number;
  readonly received: number;
  readonly lastNs: number;
}

/** A kernel whose maps and sockets the test fills, and a stage that hears what the watch finds. */
function watched(scan: readonly ConnectionEvent[] = []) {
  const { stage, hear } = setUp();
  const lines: ConnectionLine[] = [];
  const pushed: ConnectionInput[] = [];
  const maps = new Map<number, Counts>();
  const open = new Set<number>();
  const forgotten: number[] = [];
  const state = { lost: 0, quiet: true };
  const push = (item: ConnectionInput) => {
    pushed.push(item);
    lines.push(...stage.push(item));
  };
  const watch = new ConnectionsWatch({
    kernel: {
      scan: () => [...scan],
      counts: (entry) => {
        const counts = maps.get(entry.socket);
        return counts && { ...counts, finReceived: false };
      },
      isOpen: (socket) => open.has(socket),
      forget: (entry) => {
        forgotten.push(entry.socket);
        maps.delete(entry.socket);
      },
      skippedRuns: () => 3,
    },
    counters: () => ({ eventsLost: state.lost, unseen: 2 }),
    entries: () => stage.entries,
    push,
    isQuiet: () => state.quiet,
  });
  return {
    watch,
    stage,
    maps,
    open,
    forgotten,
    state,
    pushed,
    hear: (...events: readonly ConnectionEvent[]) => void lines.push(...hear(...events)),
    told: () => lines.splice(0).map(brief),
    last: () => lines.at(-1)?.connection,
  };
}

test("ConnectionsWatch tells first of those who listen, whatever the order of the scan", () => {
  const before = { what: "found", isBefore: true, establishedNs: undefined } as const;
  const local = { address: "10.0.0.1", port: 8080 };
  const far = { address: "10.0.0.9", port: 50_000 };
  const { watch, stage } = watched([
    event({ ...before, local, remote: far }),
    event({ ...before, socket: 101, local, remote: { address: "::", port: 0 }, listens: true }),
  ]);
  watch.discover();
  expect([...stage.entries].map(({ connection }) => connection.direction)).toEqual(["accepted"]);
});

test("ConnectionsWatch ends a Unix connection when its socket is closed, with the bytes that it moved", () => {
  const { watch, maps, open, forgotten, hear, told, last } = watched();
  hear(unix());
  maps.set(100, { sent: 5, received: 7, lastNs: 30 * MS });
  open.add(100);
  told();
  watch.chores(SECOND);
  expect(told()).toEqual([]);
  open.delete(100);
  maps.set(100, { sent: 50, received: 70, lastNs: 40 * MS });
  watch.chores(2 * SECOND);
  expect(last()).toMatchObject({ sentBytes: 50, receivedBytes: 70 });
  expect(told().map((line) => line.split(" ")[0])).toEqual(["end"]);
  expect(forgotten).toEqual([100]);
});

test("ConnectionsWatch waits a round when the kernel has an entry no more: its end may be in the ring", () => {
  const { watch, open, hear, told } = watched();
  hear(unix());
  open.add(100);
  told();
  watch.chores(SECOND);
  expect(told()).toEqual([]);
  watch.chores(2 * SECOND);
  expect(told().map((line) => line.split(" ")[0])).toEqual(["end"]);
});

test("ConnectionsWatch ends a destination of a UDP socket to which nothing has moved for 5 minutes", () => {
  const { watch, maps, open, hear, told, last } = watched();
  hear(udp());
  const lastNs = 10 * SECOND;
  maps.set(100, { sent: 5, received: 7, lastNs });
  open.add(100);
  told();
  watch.chores(lastNs + 300 * SECOND);
  expect(told()).toEqual([]);
  watch.chores(lastNs + 301 * SECOND);
  // not when it was found out
  expect(last()?.endNs).toBe(lastNs);
  expect(told()).toHaveLength(1);
});

test("ConnectionsWatch looks for ends that were lost once, when nothing is left in the ring, and only then", () => {
  const { watch, maps, state, hear, told } = watched();
  hear(event());
  hear(event({ socket: 200, local: { address: "10.0.0.1", port: 40_001 } }));
  maps.set(200, { sent: 0, received: 0, lastNs: 0 });
  told();
  watch.chores(SECOND);
  expect(told()).toEqual([]);
  state.lost = 4;
  state.quiet = false;
  watch.chores(2 * SECOND);
  expect(told()).toEqual([]);
  state.quiet = true;
  watch.chores(3 * SECOND);
  expect(told().map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual(["end c:1"]);
  maps.delete(200);
  // no more was lost: what the kernel has no more it tells of itself
  watch.chores(4 * SECOND);
  expect(told()).toEqual([]);
});

test("ConnectionsWatch looks at no more than 1000 at a time, and at all of them in turn", () => {
  const { watch, pushed, maps, open, hear } = watched();
  for (let socket = 1; socket <= 2500; socket++) {
    hear(unix({ socket, startNs: socket }));
    maps.set(socket, { sent: socket, received: 0, lastNs: 0 });
    open.add(socket);
  }
  const looked = () => new Set(pushed.flatMap((item) => (item.kind === "moved" ? [item.id] : [])));
  const sizes: number[] = [];
  for (let round = 1; round <= 3; round++) {
    watch.chores(round * SECOND);
    sizes.push(looked().size);
  }
  expect(sizes).toEqual([1000, 2000, 2500]);
});

test("ConnectionsWatch tells at the end how far each has come, and what was lost on the way", () => {
  const { watch, maps, open, hear, stage } = watched();
  hear(unix());
  maps.set(100, { sent: 9, received: 1, lastNs: 0 });
  open.add(100);
  watch.end(SECOND);
  const [entry] = stage.entries;
  expect(entry?.connection).toMatchObject({ sentBytes: 9, receivedBytes: 1 });
  expect(watch.losses()).toEqual({ eventsLost: 0, unseen: 2, skippedRuns: 3 });
});
