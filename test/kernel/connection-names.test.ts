/** Names of connections, and the clients that make them: DNS, SNI and Host as real programs send them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linesOf, PYTHON } from "./connection-truth.ts";
import { at, type Json, listAt, numberAt, textAt } from "./json.ts";
import { ANY_FRONT_END, missing, PATIENCE_MS, titled } from "./settings.ts";
import { Tool } from "./tool.ts";

setDefaultTimeout(PATIENCE_MS * 4);

const NODE = Bun.which("node");
const CURL = Bun.which("curl");
const GO = Bun.which("go");
const lacks = missing() ?? (PYTHON === null ? "python3" : undefined);

/** Nobody else's: 127.0.0.0/8 is all loopback. */
const RESOLVER = "127.0.0.77";

/** Answers each question for an address with 127.0.0.1. */
async function serveNames() {
  return await Bun.udpSocket({
    hostname: RESOLVER,
    port: 53,
    socket: {
      data(socket, question, port, address) {
        const end = question.indexOf(0, 12) + 5;
        const answer = Buffer.concat([question.subarray(0, end), Buffer.from(ADDRESS, "hex")]);
        // an answer, without authority and additional records
        answer.writeUInt16BE(0x8180, 2);
        answer.set([0, 1, 0, 1, 0, 0, 0, 0], 4);
        socket.send(answer, port, address);
      },
    },
  });
}

const ADDRESS = "c00c000100010000003c00047f000001";

const ASK_IN_NODE = `const dns = require("node:dns"), net = require("node:net");
const resolver = new dns.Resolver(); resolver.setServers(["${RESOLVER}"]);
resolver.resolve4("names.overhear.test", (error, [address]) => net.connect(Number(process.argv[1]), address).end("x"));`;

const GET_IN_GO = `package main
import ("net/http"; "io"; "os")
func main() { r, e := http.Get(os.Args[1]); if e != nil { panic(e) }; io.Copy(io.Discard, r.Body); r.Body.Close() }`;

describe.skipIf(lacks !== undefined)(titled("overhear connections", lacks), () => {
  const directory = mkdtempSync(join(tmpdir(), "oh-names."));
  const ports: number[] = [];
  const http = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, server) {
      ports.push(server.requestIP(request)?.port ?? 0);
      return new Response("x".repeat(777));
    },
  });
  const raw = Bun.listen({
    port: 0,
    hostname: "127.0.0.1",
    socket: { data: (socket) => void socket.end() },
  });
  const url = `http://127.0.0.1:${http.port}/`;
  /** Who made a request, by name. */
  const clients = new Map<string, number>();
  let lines: readonly Json[] = [];

  const run = async (name: string, ...command: readonly string[]) => {
    const process = Bun.spawn([...command], {
      stdout: "ignore",
      stderr: "ignore",
      stdin: "ignore",
    });
    await process.exited;
    clients.set(name, process.pid);
  };

  beforeAll(async () => {
    const go = join(directory, "get");
    if (GO !== null) {
      writeFileSync(`${go}.go`, GET_IN_GO);
      await Bun.spawn([GO, "build", "-o", go, `${go}.go`], {
        env: { ...process.env, HOME: directory },
        stderr: "ignore",
      }).exited;
    }
    const names = await serveNames();
    const tool = await Tool.watch("--attach", ANY_FRONT_END);
    await run("bun", process.execPath, "-e", `await (await fetch("${url}")).text()`);
    await run(
      "python",
      PYTHON ?? "",
      "-c",
      `import urllib.request as u; u.urlopen("${url}").read()`,
    );
    if (NODE !== null) await run("node", NODE, "-e", `fetch("${url}").then((r) => r.text())`);
    if (CURL !== null) await run("curl", CURL, "-s", "-H", "Host: Said.Example.org:8080", url);
    if (GO !== null) await run("go", go, url);
    if (NODE !== null) await run("dns", NODE, "-e", ASK_IN_NODE, String(raw.port));
    const hello = `import ssl,socket
s = socket.create_connection(("127.0.0.1", ${raw.port}))
try: ssl.create_default_context().wrap_socket(s, server_hostname="sni.overhear.test")
except OSError: pass`;
    await run("sni", PYTHON ?? "", "-c", hello);
    await Bun.sleep(700);
    lines = (await tool.stop()).lines;
    names.close();
  });

  afterAll(async () => {
    await http.stop(true);
    raw.stop(true);
    rmSync(directory, { recursive: true, force: true });
  });

  const programs = { bun: process.execPath, python: PYTHON, node: NODE, curl: CURL, go: GO };
  for (const [name, program] of Object.entries(programs)) {
    const title = titled(
      `follows ${name} from SYN to the last byte`,
      program === null ? name : undefined,
    );
    test.skipIf(program === null)(title, () => checkClient(name));
  }

  function checkClient(name: string): void {
    const pid = clients.get(name) ?? 0;
    const tcp = linesOf(lines, pid).filter((line) => at(line, "protocol") === "tcp");
    const last = tcp.at(-1);
    expect(tcp.map((line) => at(line, "event"))).toEqual(["start", "end"]);
    expect(numberAt(last, "remote", "port")).toBe(http.port ?? 0);
    // as the server saw it
    expect(ports).toContain(numberAt(last, "local", "port"));
    expect(numberAt(last, "received_bytes")).toBeGreaterThan(777);
    expect(numberAt(last, "sent_bytes")).toBeGreaterThan(20);
    expect(numberAt(last, "latency_ms")).toBeGreaterThan(0);
    const accepted = linesOf(lines, process.pid, "accepted").find(
      (line) => numberAt(line, "remote", "port") === numberAt(last, "local", "port"),
    );
    expect(numberAt(accepted, "peer", "pid")).toBe(pid);
  }

  const namesOf = (name: string) => {
    const tcp = linesOf(lines, clients.get(name) ?? 0).filter(
      (line) => at(line, "protocol") === "tcp",
    );
    return listAt(tcp.at(-1), "names").map((each) => [
      textAt(each, "name"),
      textAt(each, "source"),
    ]);
  };

  test.skipIf(CURL === null)("takes the name that a request says [connections/names]", () => {
    expect(namesOf("curl")).toContainEqual(["said.example.org", "http"]);
  });

  test("takes the name that a ClientHello says [connections/names]", () => {
    expect(namesOf("sni")).toContainEqual(["sni.overhear.test", "sni"]);
  });

  test.skipIf(NODE === null)(
    "takes the name that a DNS answer gave the address [connections/names]",
    () => {
      expect(namesOf("dns")).toContainEqual(["names.overhear.test", "dns"]);
      const [asked] = linesOf(lines, clients.get("dns") ?? 0).filter(
        (line) => numberAt(line, "remote", "port") === 53,
      );
      expect(asked).toMatchObject({ protocol: "udp", remote: { address: RESOLVER, port: 53 } });
    },
  );
});
