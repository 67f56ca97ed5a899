import { expect, test } from "bun:test";
import { brief, CLIENT, end, event, failure, MS, SERVER, setUp, udp, unix } from "./events.ts";

test("ConnectionStage tells when a connection is established and when it ends, and forgets it", () => {
  const { hear, stage, begun } = setUp();
  expect(
    hear(
      event({ what: "attempt", establishedNs: undefined, local: { address: "10.0.0.1", port: 0 } }),
    ),
  ).toEqual([]);
  expect(begun.map(({ outcome, local }) => [outcome, local])).toEqual([["in_progress", undefined]]);
  const [start] = hear(event());
  expect(start).toEqual({
    kind: "connection",
    event: "start",
    timeNs: 22 * MS,
    connection: {
      id: "c:1",
      process: {
        pid: 7,
        startNs: 7000,
        comm: "curl",
        commandLine: [],
        containerId: undefined,
        exit: undefined,
      },
      direction: "outgoing",
      protocol: "tcp",
      family: "inet",
      socketType: "stream",
      local: CLIENT,
      remote: SERVER,
      path: undefined,
      peer: undefined,
      startNs: 10 * MS,
      openBefore: false,
      outcome: "established",
      errno: undefined,
      establishedNs: 22 * MS,
      latencyMs: 12,
      endNs: undefined,
      sentBytes: 0,
      receivedBytes: 0,
      closedBy: undefined,
      names: [],
    },
  });
  const [last] = hear(end({ sent: 812, received: 5120 }));
  expect(last?.connection).toMatchObject({
    id: "c:1",
    outcome: "closed",
    closedBy: "local",
    endNs: 50 * MS,
    latencyMs: 12,
    sentBytes: 812,
    receivedBytes: 5120,
  });
  expect(start?.connection.outcome).toBe("established");
  expect(stage.residue).toBe(0);
});

test.each([
  ["ECONNREFUSED", "refused"],
  ["ETIMEDOUT", "timed_out"],
  ["ENETUNREACH", "unreachable"],
  ["EHOSTUNREACH", "unreachable"],
  ["EACCES", "failed"],
  ["EINVAL", "failed"],
  ["EADDRNOTAVAIL", "failed"],
  [undefined, "abandoned"],
] as const)(
  "ConnectionStage calls an attempt that failed with %p %p, in one line",
  (errno, outcome) => {
    const { hear, stage } = setUp();
    const lines = hear(event({ what: "attempt", establishedNs: undefined }), failure(errno));
    expect(lines.map(({ event: what }) => what)).toEqual(["end"]);
    expect(lines[0]?.connection).toMatchObject({
      outcome,
      errno,
      latencyMs: undefined,
      endNs: 30 * MS,
    });
    expect(stage.residue).toBe(0);
  },
);

test.each([
  [{ finSent: true, previous: 5 }, "closed", "local"],
  [{ finSent: false, finReceived: true, previous: 9 }, "closed", "remote"],
  [{ finSent: false, previous: 1, isReset: true, errno: "ECONNRESET" }, "reset", "remote"],
  // closed with data unread, or with linger 0: this end sends the RST
  [{ finSent: false, previous: 1 }, "reset", "local"],
  [{ finSent: false, finReceived: true, previous: 8 }, "reset", "remote"],
  [{ finSent: true, previous: 5, isReset: true }, "reset", "local"],
  [{ finSent: false, previous: 1, errno: "ETIMEDOUT" }, "timed_out", undefined],
] as const)("ConnectionStage reads an end with %p as %p by %p", (over, outcome, closedBy) => {
  const { hear } = setUp();
  const lines = hear(event(), end(over));
  expect(lines[1]?.connection).toMatchObject({ outcome, closedBy });
});

test("ConnectionStage tells a connection whose beginning was lost by its end alone", () => {
  const { hear, stage } = setUp();
  expect(hear(end({ sent: 5 })).map(brief)).toEqual(["end c:1 7 closed  local"]);
  expect(stage.residue).toBe(0);
});

test("ConnectionStage ends a connection whose end was lost when its socket has another one", () => {
  const { hear, stage } = setUp();
  const lines = hear(event(), event({ startNs: 60 * MS, timeNs: 61 * MS, establishedNs: 61 * MS }));
  expect(lines.map(brief)).toEqual([
    "start c:1 7 established",
    "end c:1 7 established",
    "start c:2 7 established",
  ]);
  hear(end({ startNs: 60 * MS }));
  expect(stage.residue).toBe(0);
});

const UNACCEPTED = {
  isAccepted: true,
  pid: 0,
  finSent: false,
  finReceived: true,
  previous: 8,
  received: 7,
} as const;
const WIPED = { address: "0.0.0.0", port: 0 };

test("ConnectionStage says that nobody accepted a connection, when its socket is gone", () => {
  const { hear, stage } = setUp();
  expect(hear(end(UNACCEPTED))).toEqual([]);
  const gone = {
    ...UNACCEPTED,
    what: "gone",
    timeNs: 99 * MS,
    local: WIPED,
    remote: WIPED,
  } as const;
  const [line] = hear(end({ ...gone, received: 0 }));
  expect(line).toMatchObject({
    event: "end",
    connection: {
      direction: "accepted",
      process: undefined,
      outcome: "reset",
      local: CLIENT,
      remote: SERVER,
      receivedBytes: 7,
      endNs: 50 * MS,
    },
  });
  expect(stage.residue).toBe(0);
});

test("ConnectionStage tells of a connection that was over before it was accepted", () => {
  const { hear, stage } = setUp();
  const lines = hear(
    end(UNACCEPTED),
    event({ ...UNACCEPTED, pid: 8, timeNs: 60 * MS }),
    end({ ...UNACCEPTED, pid: 8, timeNs: 60 * MS }),
  );
  expect(lines.map(brief)).toEqual(["start c:1 8 established", "end c:1 8 reset  remote"]);
  expect(stage.residue).toBe(0);
});

test("ConnectionStage names each end of a local connection to the other, whichever is heard first", () => {
  const { hear } = setUp();
  const accepted = event({
    socket: 200,
    isAccepted: true,
    pid: 8,
    ownerStartNs: 8000,
    comm: "nginx",
    local: SERVER,
    remote: CLIENT,
  });
  const lines = hear(event(), accepted, end(), end({ ...accepted, what: "end" }));
  expect(lines.map(({ connection }) => connection.peer?.pid)).toEqual([undefined, 7, 8, 7]);
});

test("ConnectionStage names the client of a connection that is accepted after the client ended", () => {
  const { hear } = setUp();
  const accepted = {
    socket: 200,
    isAccepted: true,
    pid: 8,
    ownerStartNs: 8000,
    local: SERVER,
    remote: CLIENT,
  };
  const lines = hear(event(), end(), event(accepted));
  expect(lines[2]?.connection.peer?.pid).toBe(7);
});

test("ConnectionStage keeps equal loopback addresses of two namespaces apart", () => {
  const { hear } = setUp();
  const one = { address: "127.0.0.1", port: 40_000 };
  const other = { address: "127.0.0.1", port: 80 };
  const lines = hear(
    event({ local: one, remote: other, netns: 1 }),
    event({ socket: 200, pid: 8, isAccepted: true, local: other, remote: one, netns: 2 }),
  );
  expect(lines.map(({ connection }) => connection.peer)).toEqual([undefined, undefined]);
});

test("ConnectionStage follows each destination of a UDP socket until it is gone", () => {
  const { hear, stage } = setUp();
  const dns = { address: "10.0.0.53", port: 53 };
  const lines = hear(
    udp(),
    udp({ remote: dns, startNs: 11 * MS }),
    { kind: "moved", id: "c:2", sent: 40, received: 80, finReceived: false },
    { kind: "gone", id: "c:2", timeNs: 90 * MS },
  );
  expect(lines.map(brief)).toEqual([
    "start c:1 7 established",
    "start c:2 7 established",
    "end c:2 7 closed",
  ]);
  expect(lines[2]?.connection).toMatchObject({
    sentBytes: 40,
    receivedBytes: 80,
    latencyMs: undefined,
    endNs: 90 * MS,
  });
  hear({ kind: "gone", id: "c:1", timeNs: 91 * MS });
  expect(stage.residue).toBe(0);
});

test("ConnectionStage tells once that a UDP destination refuses", () => {
  const { hear, stage } = setUp();
  const lines = hear(
    udp(),
    udp({ isFailed: true, errno: "ECONNREFUSED", timeNs: 23 * MS }),
    udp({ isFailed: true, errno: "ECONNREFUSED", timeNs: 24 * MS }),
    { kind: "gone", id: "c:1", timeNs: 90 * MS },
  );
  expect(lines.map(brief)).toEqual(["start c:1 7 established", "end c:1 7 refused ECONNREFUSED"]);
  expect(stage.residue).toBe(0);
});

test("ConnectionStage ends a Unix connection at its process's exit, when nobody holds it any more", () => {
  const { hear, directory } = setUp();
  const [start] = hear(unix({ peerPid: 99 }));
  directory.exit({ kind: "exit", pid: 7, startNs: 7000, timeNs: 70 * MS, status: 0 });
  const [last] = hear({ kind: "gone", id: "c:1", timeNs: 500 * MS });
  expect([start?.connection.path, start?.connection.local]).toEqual(["/run/x.sock", undefined]);
  expect(last?.connection).toMatchObject({ outcome: "closed", endNs: 70 * MS });
});

test("ConnectionStage ends a UDP or Unix connection once, when its socket's address is another one's", () => {
  const { hear, stage } = setUp();
  const other = { address: "0.0.0.0", port: 9 };
  const lines = hear(
    udp(),
    udp({ what: "end", timeNs: 40 * MS, local: other }),
    udp({ what: "end" }),
  );
  expect(lines.map(brief)).toEqual(["start c:1 7 established", "end c:1 7 closed"]);
  expect(lines[1]?.connection.local).toEqual(CLIENT);
  expect(stage.residue).toBe(0);
});

test("ConnectionStage joins the ends of a Unix connection by their sockets", () => {
  const { hear } = setUp();
  const lines = hear(
    unix({ peerSocket: 200 }),
    unix({ socket: 200, peerSocket: 100, pid: 8, ownerStartNs: 8000, isAccepted: true }),
  );
  expect(lines[1]?.connection.peer?.pid).toBe(7);
});

test("ConnectionStage tells of what was open before, and who accepted it where that still listens", () => {
  const { hear, stage } = setUp();
  const before = { what: "found", isBefore: true, establishedNs: undefined } as const;
  const lines = hear(
    event({
      ...before,
      listens: true,
      state: 10,
      local: SERVER,
      remote: { address: "0.0.0.0", port: 0 },
    }),
    event({ ...before, local: SERVER, remote: CLIENT, sent: 9 }),
    event({ ...before, socket: 300, local: CLIENT, remote: { address: "10.9.9.9", port: 1 } }),
    event({ ...before, socket: 400, state: 2, remote: { address: "10.9.9.8", port: 1 } }),
  );
  expect(
    lines.map(({ event: what, connection: c }) => [what, c.direction, c.outcome, c.openBefore]),
  ).toEqual([
    ["open", "accepted", "established", true],
    ["open", "outgoing", "established", true],
    ["open", "outgoing", "in_progress", true],
  ]);
  // its handshake was not seen to begin: no latency
  const [late] = hear(
    event({ socket: 400, isBefore: true, remote: { address: "10.9.9.8", port: 1 } }),
  );
  expect(late?.connection).toMatchObject({ outcome: "established", latencyMs: undefined });
  hear({ kind: "tick", timeNs: 99 * MS });
  expect(stage.end().map(({ event: what, timeNs }) => [what, timeNs])).toEqual([
    ["open", 99 * MS],
    ["open", 99 * MS],
    ["open", 99 * MS],
  ]);
});

test("ConnectionStage leaves what a later scan finds first to the ring, which is behind", () => {
  const { hear } = setUp();
  expect(hear(event({ what: "found" }))).toEqual([]);
  expect(hear(event()).map(brief)).toEqual(["start c:1 7 established"]);
  expect(hear(event({ what: "found", sent: 77 }))).toEqual([]);
  expect(hear(end({ sent: 70 }))[0]?.connection.sentBytes).toBe(77);
});

test("ConnectionStage leaves nothing behind after 100,000 short connections", () => {
  const { stage } = setUp();
  for (let index = 0; index < 100_000; index++) {
    const socket = 1000 + (index % 50) * 64;
    const startNs = index * 1000;
    const local = { address: "10.0.0.1", port: 1024 + (index % 60_000) };
    const client = { socket, startNs, local, establishedNs: startNs + 1 };
    stage.push(event({ what: "attempt", ...client, establishedNs: undefined }));
    stage.push(
      index % 3 === 0
        ? failure("ECONNREFUSED", { ...client, establishedNs: undefined })
        : event(client),
    );
    if (index % 3 !== 0) stage.push(end(client));
  }
  expect(stage.residue).toBe(0);
  expect(stage.end()).toEqual([]);
});

test("ConnectionStage bounds what it follows, and counts what it does not tell", () => {
  const { stage } = setUp();
  for (let index = 0; index < 131_172; index++) stage.push(udp({ socket: 64 * index }));
  expect([...stage.entries].length).toBe(131_072);
  expect(stage.overflow).toBe(100);
});
