/** Two network namespaces and what joins them, made with ip(8); gone again when the object is disposed of. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./settings.ts";

const SHIFT = join(ROOT, "build/test/shift");
const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;
const CLIENT = "10.99.7.1";
const SERVER = "10.99.7.2";
const CLIENT_6 = "fd99:7::1";
const SERVER_6 = "fd99:7::2";
const PROBE = `oh${process.pid % 100_000}p`;
let made = 0;

function run(...command: readonly string[]): boolean {
  return Bun.spawnSync([...command], { stdout: "ignore", stderr: "pipe", env: { PATH } }).success;
}

/** @throws when it fails */
function ip(...args: readonly string[]): void {
  if (!run("ip", ...args)) throw new Error(`ip ${args.join(" ")} fails`);
}

/** In a namespace of its own. */
function worksApart(...args: readonly string[]): boolean {
  run("ip", "netns", "add", PROBE);
  const works = run("ip", ...args);
  run("ip", "netns", "del", PROBE);
  return works;
}

function hasDevice(type: string): boolean {
  return worksApart("-n", PROBE, "link", "add", "eth0", "type", type);
}

function natRules(address: string, port: number): string {
  return `table ip overhear { chain out { type nat hook output priority -100;
    ip daddr ${address} tcp dport ${port} dnat to ${SERVER}; }; }`;
}

export class Network implements Disposable {
  readonly client: string;
  readonly server: string;
  readonly #bridge: string;
  #relay: Bun.Subprocess | undefined;

  private constructor() {
    made += 1;
    const name = `oh${process.pid % 100_000}${made}`;
    this.client = `${name}c`;
    this.server = `${name}s`;
    this.#bridge = `${name}b`;
    for (const each of [this.client, this.server]) {
      ip("netns", "add", each);
      ip("-n", each, "link", "set", "lo", "up");
    }
  }

  /** What is missing for it to be made at all. */
  static lacks(): string | undefined {
    if (Bun.which("ip", { PATH }) === null) return "ip (iproute2)";
    if (!run("ip", "netns", "add", PROBE)) return "network namespaces";
    run("ip", "netns", "del", PROBE);
    return hasDevice("veth") ? undefined : "veth";
  }

  static lacksBridge(): string | undefined {
    return hasDevice("bridge") ? undefined : "bridges";
  }

  static lacksNat(): string | undefined {
    if (Bun.which("nft", { PATH }) === null) return "nft (nftables)";
    return worksApart("netns", "exec", PROBE, "nft", natRules(SERVER, 1)) ? undefined : "NAT";
  }

  static lacksDistance(): string | undefined {
    return existsSync(SHIFT) && existsSync("/dev/net/tun") ? undefined : "TUN";
  }

  /** One cable from end to end. */
  static cable(): Network {
    const network = new Network();
    const { client, server } = network;
    ip(
      "-n",
      client,
      "link",
      "add",
      "eth0",
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      server,
    );
    network.#address();
    return network;
  }

  /** As container runtimes do it: both are plugged into a bridge of this namespace. */
  static bridge(): Network {
    const network = new Network();
    const bridge = network.#bridge;
    ip("link", "add", bridge, "type", "bridge");
    ip("link", "set", bridge, "up");
    for (const [i, end] of [network.client, network.server].entries()) {
      const port = `${bridge}${i}`;
      ip("-n", end, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", "1");
      ip("link", "set", port, "master", bridge, "up");
    }
    network.#address();
    return network;
  }

  /** Between them sequence numbers are moved: each end looks to the other like another host's. */
  static async distant(): Promise<Network> {
    const network = new Network();
    const ends = [network.client, network.server].flatMap((each) => [`/run/netns/${each}`, "eth0"]);
    const relay = Bun.spawn([SHIFT, ...ends], { stdout: "pipe", stderr: "ignore" });
    network.#relay = relay;
    await relay.stdout.getReader().read();
    ip("-n", network.client, "addr", "add", CLIENT, "peer", SERVER, "dev", "eth0");
    ip("-n", network.server, "addr", "add", SERVER, "peer", CLIENT, "dev", "eth0");
    for (const each of [network.client, network.server])
      ip("-n", each, "link", "set", "eth0", "up");
    return network;
  }

  #address(): void {
    ip("-n", this.client, "addr", "add", `${CLIENT}/24`, "dev", "eth0");
    ip("-n", this.server, "addr", "add", `${SERVER}/24`, "dev", "eth0");
    ip("-n", this.client, "addr", "add", `${CLIENT_6}/64`, "dev", "eth0", "nodad");
    ip("-n", this.server, "addr", "add", `${SERVER_6}/64`, "dev", "eth0", "nodad");
    for (const each of [this.client, this.server]) ip("-n", each, "link", "set", "eth0", "up");
  }

  /** Publishes the server's port under another address. */
  publish(address: string, port: number): void {
    ip("-n", this.client, "route", "add", address, "dev", "eth0");
    ip("netns", "exec", this.client, "nft", natRules(address, port));
  }

  /** Runs a program where the server is. */
  get wrapper(): readonly string[] {
    return ["ip", "netns", "exec", this.server];
  }

  /** Options of test/traffic, which is run by the wrapper. */
  options(channel: string): readonly string[] {
    const address =
      channel === "tcp6" ? SERVER_6 : channel === "tcp4" ? SERVER : `::ffff:${SERVER}`;
    const client = `/run/netns/${this.client}`;
    return ["--channel", channel, "--listen", address, "--client-netns", client];
  }

  [Symbol.dispose](): void {
    this.#relay?.kill("SIGKILL");
    for (const each of [this.client, this.server]) run("ip", "netns", "del", each);
    run("ip", "link", "del", this.#bridge);
  }
}
