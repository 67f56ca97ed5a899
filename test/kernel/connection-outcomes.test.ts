/** Connections that end in every way × every front end: what overhear says is what their programs saw, and ss(8). */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { endIn, endOf, linesOf, PYTHON, runCases, type Seen } from "./connection-truth.ts";
import { at, type Json, listAt, numberAt, textAt } from "./json.ts";
import { Network } from "./network.ts";
import { EMULATED, FRONT_ENDS, missing, PATIENCE_MS, titled, worksHere } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 4);

const lacks = missing() ?? (PYTHON === null ? "python3" : undefined);
const SS = Bun.which("ss", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });

interface Expected {
  readonly outcome: string;
  readonly closedBy?: "local" | "remote";
}

/** Of the client's end. */
const TCP: Readonly<Record<string, Expected>> = {
  client_closes: { outcome: "closed", closedBy: "local" },
  server_closes: { outcome: "closed", closedBy: "remote" },
  reset_by_server: { outcome: "reset", closedBy: "remote" },
  exit_unread: { outcome: "reset", closedBy: "local" },
  half_close: { outcome: "closed", closedBy: "local" },
  much: { outcome: "closed", closedBy: "local" },
  ipv6: { outcome: "closed", closedBy: "local" },
  mapped: { outcome: "closed", closedBy: "local" },
  never_accepted: { outcome: "closed", closedBy: "local" },
  refused: { outcome: "refused" },
  refused_ipv6: { outcome: "refused" },
  refused_later: { outcome: "refused" },
  udp_connected: { outcome: "closed" },
  udp_unconnected: { outcome: "closed" },
  udp_messages: { outcome: "closed" },
  udp_refused: { outcome: "refused" },
  unix: { outcome: "closed" },
  unix_abstract: { outcome: "closed" },
  unix_missing: { outcome: "failed" },
  unix_refused: { outcome: "refused" },
};

const NETWORK: Readonly<Record<string, Expected>> = {
  no_route: { outcome: "unreachable" },
  refused_by_peer: { outcome: "refused" },
  unreachable: { outcome: "unreachable" },
  prohibited: { outcome: "failed" },
  blackhole: { outcome: "failed" },
  abandoned: { outcome: "abandoned" },
  timed_out: { outcome: "timed_out" },
};

/** What the program saw, against what is said of its connection. */
function check(seen: Seen | undefined, lines: readonly Json[], expected: Expected): void {
  expect(lines.at(-1)).toMatchObject({ event: "end", outcome: expected.outcome });
  const last = lines.at(-1) ?? {};
  const truth = seen?.truth ?? {};
  const errno = at(truth, "errno") ?? undefined;
  expect([at(last, "errno"), at(last, "closed_by")]).toEqual([errno, expected.closedBy]);
  if (at(truth, "remote") !== undefined) expect(endIn(last, "remote")).toBe(endOf(truth, "remote"));
  if (at(truth, "local") !== undefined) expect(endIn(last, "local")).toBe(endOf(truth, "local"));
  if (at(truth, "path") !== undefined) expect(at(last, "path")).toBe(at(truth, "path"));
  if (at(truth, "sent") === undefined) return;
  const bytes = [numberAt(last, "sent_bytes"), numberAt(last, "received_bytes")];
  expect(bytes).toEqual([numberAt(truth, "sent"), numberAt(truth, "received")]);
}

describe.each([...FRONT_ENDS])("overhear connections --attach %s", (frontEnd) => {
  const reason = lacks ?? (worksHere(frontEnd) ? undefined : frontEnd);
  if (reason !== undefined) {
    test.skip(titled(`tells outcomes under ${frontEnd}`, reason), () => {});
    return;
  }

  let cases: ReadonlyMap<string, Seen> = new Map();
  let heard: Heard | undefined;
  const lines = () => heard?.lines ?? [];

  beforeAll(async () => {
    const tool = await Tool.watch("--attach", frontEnd);
    cases = await runCases();
    // ends of Unix and UDP sockets are looked up twice a second
    await Bun.sleep(EMULATED ? 5000 : 1500);
    heard = await tool.stop();
  });

  test.each(Object.entries(TCP))(
    "says of %s what its program saw [connections/outcome]",
    (name, expected) => {
      const seen = cases.get(name);
      check(seen, linesOf(lines(), seen?.pid ?? 0), expected);
    },
  );

  test("says that one attempt of a socket failed, and that the next did not", () => {
    const seen = cases.get("twice");
    const said = linesOf(lines(), seen?.pid ?? 0).map((line) => [
      at(line, "event"),
      at(line, "outcome"),
    ]);
    expect(said).toEqual([
      ["end", "refused"],
      ["start", "established"],
      ["end", "closed"],
    ]);
  });

  test("tells of the accepted ends what their clients' say the other way round", () => {
    const server = cases.get("server")?.pid ?? 0;
    const accepted = linesOf(lines(), server, "accepted").filter(
      (line) => at(line, "event") === "end",
    );
    for (const name of ["client_closes", "server_closes", "half_close", "much", "ipv6", "mapped"]) {
      const truth = cases.get(name)?.truth ?? {};
      const found = accepted.filter((line) => endIn(line, "remote") === endOf(truth, "local"));
      const [line] = found;
      expect([name, found.length]).toEqual([name, 1]);
      expect(endIn(line, "local")).toBe(endOf(truth, "remote"));
      expect(numberAt(line, "peer", "pid")).toBe(cases.get(name)?.pid ?? 0);
      expect([numberAt(line, "received_bytes"), numberAt(line, "sent_bytes")]).toEqual([
        numberAt(truth, "sent"),
        numberAt(truth, "received"),
      ]);
    }
  });

  test("says of a connection that nobody accepted that it has no process", () => {
    const truth = cases.get("never_accepted")?.truth ?? {};
    const [line, ...more] = lines().filter(
      (each) =>
        at(each, "direction") === "accepted" && endIn(each, "remote") === endOf(truth, "local"),
    );
    expect(more).toEqual([]);
    expect(line).toMatchObject({ event: "end", process: null, received_bytes: 7 });
  });

  test("tells the time of the handshake where there was one", () => {
    for (const name of ["client_closes", "ipv6", "refused", "udp_connected"]) {
      const [line] = linesOf(lines(), cases.get(name)?.pid ?? 0);
      const latency = at(line, "latency_ms");
      if (name === "client_closes" || name === "ipv6") {
        expect(latency).toBeNumber();
        expect(Number(latency)).toBeGreaterThan(0);
        expect(Number(latency)).toBeLessThan(EMULATED ? 1000 : 100);
      } else expect(latency).toBeUndefined();
    }
  });

  test("adds up attempts and failures by process and destination, and misses nothing", () => {
    const summary = heard?.summary ?? {};
    expect(summary).toMatchObject({ connection_events_lost: 0, connections_unseen: 0 });
    const rows = listAt(summary, "connections", "by_destination");
    const { port } = { port: listAt(cases.get("refused")?.truth, "remote")[1] };
    const row = rows.find((each) => textAt(each, "destination") === `127.0.0.1:${String(port)}`);
    expect(row).toMatchObject({ process: "outcomes.py", attempts: 1, failures: { refused: 1 } });
  });
});

const networkLacks = lacks ?? Network.lacks();

describe.skipIf(networkLacks !== undefined).each([...FRONT_ENDS.filter((each) => worksHere(each))])(
  titled("overhear connections --attach %s between namespaces", networkLacks),
  (frontEnd) => {
    let network: Network | undefined;
    let cases: ReadonlyMap<string, Seen> = new Map();
    let lines: readonly Json[] = [];

    beforeAll(async () => {
      network = Network.cable();
      for (const [kind, net] of [
        ["unreachable", "10.99.5.0/24"],
        ["prohibit", "10.99.6.0/24"],
        ["blackhole", "10.99.8.0/24"],
      ] as const) {
        Bun.spawnSync(["ip", "-n", network.client, "route", "add", kind, net]);
      }
      const silent = ["10.99.7.77", "lladdr", "02:00:00:00:00:77", "dev", "eth0"];
      Bun.spawnSync(["ip", "-n", network.client, "neigh", "add", ...silent]);
      const tool = await Tool.watch("--attach", frontEnd);
      cases = await runCases(
        ["ip", "netns", "exec", network.client],
        ["10.99.7.2", "10.99.5.1", "10.99.6.1", "10.99.8.1", "10.99.7.77"],
      );
      await Bun.sleep(500);
      lines = (await tool.stop()).lines;
    });

    afterAll(() => network?.[Symbol.dispose]());

    test.each(Object.entries(NETWORK))(
      "says of %s what its program saw [connections/outcome]",
      (name, expected) => {
        const seen = cases.get(name);
        check(seen, linesOf(lines, seen?.pid ?? 0), expected);
      },
    );
  },
);

describe.skipIf(lacks !== undefined)("overhear connections", () => {
  test.skipIf(SS === null)(
    titled(
      "knows what was open before and what is open at the end, as ss does",
      SS === null ? "ss" : undefined,
    ),
    async () => {
      await using tool = await openAround();
      const { lines, own } = await tool.end();
      const open = lines.filter(
        (line) => at(line, "kind") === "connection" && at(line, "event") === "open",
      );
      // each of those before has a line at the start, too
      const said = new Set(
        open
          .filter(
            (line) =>
              numberAt(line, "process", "pid") === process.pid && at(line, "protocol") === "tcp",
          )
          .map((line) => `${endIn(line, "local")} ${endIn(line, "remote")}`),
      );
      expect(said).toEqual(own);
      expect(own.size).toBe(46);
      const before = open.filter(
        (line) =>
          at(line, "open_before") === true && numberAt(line, "process", "pid") === process.pid,
      );
      expect(before.some((line) => at(line, "direction") === "accepted")).toBe(true);
    },
  );

  test("leaves nothing open after thousands of short connections, and counts each", async () => {
    const count = EMULATED ? 300 : 5000;
    await using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: () => undefined },
    });
    const tool = await Tool.watch("--destination", "127.0.0.1", "--port", String(server.port));
    const script = `import socket,sys
for i in range(${count}):
    k = socket.create_connection(("127.0.0.1", ${server.port})); k.send(b"x" * 3); k.close()`;
    await Bun.spawn([PYTHON ?? "python3", "-c", script]).exited;
    await Bun.sleep(500);
    const { lines, summary } = await tool.stop();
    const ends = lines.filter((line) => at(line, "event") === "end");
    const ids = new Set(ends.map((line) => textAt(line, "connection")));
    expect([ends.length, ids.size]).toEqual([2 * count, 2 * count]);
    const sent = ends.reduce((sum, line) => sum + numberAt(line, "sent_bytes"), 0);
    expect(sent).toBe(3 * count);
    expect(summary).toMatchObject({ connection_events_lost: 0, connections_unseen: 0 });
    expect(lines.filter((line) => at(line, "event") === "open")).toEqual([]);
  });
});

/** 11 connections of this process that are there before the tool, and 12 that come after. */
async function openAround() {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const connect = () =>
    Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data: () => undefined } });
  const sockets = await Promise.all(Array.from({ length: 11 }, connect));
  const tool = await Tool.watch("--pid", String(process.pid));
  sockets.push(...(await Promise.all(Array.from({ length: 12 }, connect))));
  await Bun.sleep(200);
  return {
    async end() {
      const { stdout } = Bun.spawnSync([
        SS ?? "ss",
        "-Htnp",
        `sport = ${server.port} or dport = ${server.port}`,
      ]);
      const own = stdout
        .toString()
        .trim()
        .split("\n")
        .filter((line) => line.includes(`pid=${process.pid},`))
        .map((line) => line.split(/\s+/).slice(3, 5).join(" "));
      const { lines } = await tool.stop();
      const ours = lines.filter((line) =>
        [endIn(line, "local"), endIn(line, "remote")].some((end) =>
          end?.endsWith(`:${server.port}`),
        ),
      );
      return { lines: ours, own: new Set(own) };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.end();
      server.stop(true);
      await tool[Symbol.asyncDispose]();
    },
  };
}
