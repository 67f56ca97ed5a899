/** TCP between network namespaces: both ends are known wherever they are of this host; where one is not, the other tells. */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { differences } from "./compare.ts";
import { at, type Json, textAt } from "./json.ts";
import { Network } from "./network.ts";
import { EMULATED, FRONT_ENDS, missing, PATIENCE_MS, titled, worksHere } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";
import { Traffic, talk } from "./traffic.ts";
import type { Direction, Truth, TruthMessage } from "./truth.ts";

setDefaultTimeout(PATIENCE_MS * 6);
const lacks = missing() ?? Network.lacks();
const SHORT_ONES = EMULATED ? 5 : 30;
const PUBLISHED = { address: "10.99.8.1", port: 8088 };

interface Way {
  readonly name: string;
  readonly lacks?: string | undefined;
  readonly make: () => Network;
  readonly run: (network: Network) => Promise<readonly Truth[]>;
}

function conversation(network: Network, channel: string, ...options: string[]): Promise<Truth> {
  return talk([...network.options(channel), ...options], undefined, network.wrapper);
}

async function published(network: Network): Promise<readonly Truth[]> {
  const { address, port } = PUBLISHED;
  network.publish(address, port);
  const options = ["--port", String(port), "--connect", address];
  return [await conversation(network, "tcp4", ...options)];
}

async function one(network: Network, channel: string): Promise<readonly Truth[]> {
  return [await conversation(network, channel)];
}

/** The first write of each comes as early as can be. */
function shortOnes(network: Network): Promise<readonly Truth[]> {
  const talks = Array.from({ length: SHORT_ONES }, (_, i) =>
    conversation(network, "tcp4", "--messages", "1", "--tag", `short-${i}-`),
  );
  return Promise.all(talks);
}

/** Both ends are of this host. */
const NEAR: readonly Way[] = [
  { name: "IPv4", make: Network.cable, run: (net) => one(net, "tcp4") },
  { name: "IPv6", make: Network.cable, run: (net) => one(net, "tcp6") },
  { name: "mapped IPv4", make: Network.cable, run: (net) => one(net, "tcp-mapped") },
  { name: "many short connections", make: Network.cable, run: shortOnes },
  {
    name: "a bridge",
    lacks: Network.lacksBridge(),
    make: Network.bridge,
    run: (net) => one(net, "tcp4"),
  },
  { name: "a published port", lacks: Network.lacksNat(), make: Network.cable, run: published },
];
const FAR = Network.lacksDistance();

describe.each([...FRONT_ENDS])("overhear --attach %s", (frontEnd) => {
  const reason = lacks ?? (worksHere(frontEnd) ? undefined : frontEnd);
  if (reason !== undefined) {
    test.skip(titled(`hears other network namespaces under ${frontEnd}`, reason), () => {});
    return;
  }

  const truths = new Map<string, readonly Truth[]>();
  let heard: Heard | undefined;
  beforeAll(async () => {
    using waiting = Network.cable();
    const options = ["--hold", "running", "--hold-after", "3", "--tag", "early-"];
    const early = new Traffic([...waiting.options("tcp4"), ...options], undefined, waiting.wrapper);
    await early.held();
    await using tool = await Tool.start("--attach", frontEnd);
    early.go();
    const earlyTruth = await early.over();
    truths.set("early", earlyTruth ? [earlyTruth] : []);
    for (const { name, make, run } of NEAR.filter((way) => way.lacks === undefined)) {
      using network = make();
      truths.set(name, await run(network));
    }
    if (FAR === undefined) {
      using distant = await Network.distant();
      truths.set("distant", [
        await conversation(distant, "tcp4"),
        await conversation(distant, "tcp4", "--write", "sendmmsg", "--read", "recvmmsg"),
        await conversation(distant, "tcp4", "--http", "mixed"),
      ]);
    }
    await tool.caughtUp();
    heard = await tool.stop();
  });

  function check(name: string): void {
    const found = truths.get(name) ?? [];
    if (heard === undefined || found.length === 0) throw new Error("nothing was said");
    const all = heard;
    expect(found.flatMap((truth) => differences(all, truth))).toEqual([]);
    // a second copy would name one of the ends alone
    const halves = found.flatMap((truth) => [...halvesOf(all, truth)]);
    expect(halves).toEqual([]);
  }

  for (const { name, lacks: lack } of NEAR) {
    test.skipIf(lack !== undefined)(
      titled(`hears a connection over ${name} once, from both ends [capture/network]`, lack),
      () => check(name),
    );
  }
  test("hears a connection that was open before the start from both ends", () => check("early"));

  test.skipIf(FAR !== undefined)(
    titled("hears each end of a connection to another host by itself", FAR),
    () => {
      if (heard === undefined) throw new Error("the tool did not run");
      for (const truth of truths.get("distant") ?? []) {
        for (const direction of ["c2s", "s2c"] as const) {
          expect(sentAway(heard, truth, direction)).toEqual(crcsOf(truth.written, direction));
          expect(broughtHere(heard, truth, direction)).toEqual(crcsOf(truth.read, direction));
        }
      }
    },
  );
});

function crcsOf(messages: readonly TruthMessage[], direction: Direction): readonly number[] {
  return messages.filter((each) => each.direction === direction).map((each) => each.crc);
}

function transport(line: Json): unknown {
  return at(line, "stdio_transport") ?? at(line, "http_transport");
}

function messages({ lines }: Heard): readonly Json[] {
  return lines.filter((line) => line["kind"] === "message");
}

function hasPid(pids: ReadonlySet<number>, pid: unknown): boolean {
  return typeof pid === "number" && pids.has(pid);
}

/** Of these processes, with an address instead of the other one. */
function halvesOf(heard: Heard, { clients, servers }: Truth): readonly Json[] {
  const pids = new Set([...clients, ...servers]);
  return messages(heard).filter((line) => {
    const from = at(transport(line), "from_pid");
    const to = at(transport(line), "to_pid");
    return hasPid(pids, from) !== hasPid(pids, to);
  });
}

function sentAway(heard: Heard, truth: Truth, direction: Direction): readonly number[] {
  const senders = direction === "c2s" ? truth.clients : truth.servers;
  return halvesOf(heard, truth)
    .filter((line) => hasPid(senders, at(transport(line), "from_pid")))
    .map((line) => Bun.hash.crc32(textAt(line, "raw")));
}

function broughtHere(heard: Heard, truth: Truth, direction: Direction): readonly number[] {
  const readers = direction === "c2s" ? truth.servers : truth.clients;
  return halvesOf(heard, truth)
    .filter((line) => hasPid(readers, at(transport(line), "to_pid")))
    .map((line) => Bun.hash.crc32(textAt(line, "raw")));
}
