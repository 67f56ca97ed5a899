/** What cannot be heard is counted: a ring too small, and a tool that is stopped while bytes flow. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { lossOf, messagesOf, transportOf } from "./compare.ts";
import { at, type Json, numberAt, textAt } from "./json.ts";
import { ANY_FRONT_END, EMULATED, LACKS_SPEED, missing, PATIENCE_MS, titled } from "./settings.ts";
import { type Heard, Tool } from "./tool.ts";
import { Traffic, talk } from "./traffic.ts";
import type { Direction, Truth } from "./truth.ts";

setDefaultTimeout(PATIENCE_MS * 4);
const lacks = missing();
const attach = ["--attach", ANY_FRONT_END];
const SCALE = EMULATED ? 10 : 1;

interface Account {
  readonly messages: number;
  readonly lost: number;
  readonly sum: number;
}

/** Bytes of one direction, as the lines have them. */
function account(heard: Heard, truth: Truth, direction: Direction): Account {
  const readers = direction === "c2s" ? truth.servers : truth.clients;
  const bytesOf = (lines: readonly Json[]) =>
    lines.reduce((sum, line) => sum + numberAt(line, "bytes"), 0);
  const messages = bytesOf(
    messagesOf(heard, truth).filter((line) => readers.has(numberAt(transportOf(line), "to_pid"))),
  );
  const lost = bytesOf(
    lossOf(heard, truth, direction).filter((line) => line["reason"] !== "unread"),
  );
  return { messages, lost, sum: messages + lost };
}

/** Exact to the byte in both directions, no message twice or invented, and every loss named. */
function expectAccounted(heard: Heard, truth: Truth): void {
  for (const direction of ["c2s", "s2c"] as const) {
    expect({ direction, bytes: account(heard, truth, direction).sum }).toEqual({
      direction,
      bytes: truth.readBytes[direction],
    });
    for (const line of lossOf(heard, truth, direction))
      expect(textAt(transportOf(line), "channel")).not.toBe("");
  }
  const read = new Set(truth.read.map((one) => `${one.direction} ${one.id} ${one.crc}`));
  const heardOnce = new Set<string>();
  for (const line of messagesOf(heard, truth)) {
    const direction = truth.servers.has(numberAt(transportOf(line), "to_pid")) ? "c2s" : "s2c";
    const id = at(line, "id") === undefined ? -1 : numberAt(line, "id");
    const key = `${direction} ${id} ${Bun.hash.crc32(textAt(line, "raw"))}`;
    expect({ key, read: read.has(key), again: heardOnce.has(key) }).toEqual({
      key,
      read: true,
      again: false,
    });
    heardOnce.add(key);
  }
  // emulation makes a preemptible kernel skip runs, and then the summary has to say so
  const skips = EMULATED && numberAt(heard.summary, "skipped_runs") > 0;
  expect(at(heard.summary, "exact")).toBe(!skips);
  expect(at(heard.summary, "unattributed_bytes")).toBe(0);
}

function lostBytes(heard: Heard): number {
  return numberAt(heard.summary, "loss", "ring_full");
}

/** The ids of the calls read after the go, and those of them that were heard as requests and as answers. */
function expectHeardAfterGo(heard: Heard, truth: Truth, from: number): void {
  const ids = (type: string) =>
    messagesOf(heard, truth)
      .filter((line) => line["type"] === type && numberAt(line, "id") > from)
      .map((line) => numberAt(line, "id"));
  const wanted = truth.read
    .filter((one) => one.type === "request" && one.id > from)
    .map((one) => one.id);
  expect(wanted.length).toBeGreaterThan(0);
  expect({ requests: ids("request"), answers: ids("response") }).toEqual({
    requests: wanted,
    answers: wanted,
  });
}

describe.skipIf(lacks !== undefined)(titled("loss", lacks), () => {
  test("a ring of 64 KiB under a flood: every byte is heard or lost, none twice [capture/account]", async () => {
    await using tool = await Tool.start(...attach, "--ring", "64K");
    const truths = await Promise.all(
      ["pipe", "socketpair", "tcp4", "tcp6"].map((channel) =>
        talk([
          ...["--channel", channel, "--threads", "1", "--tag", `flood-${channel}`],
          ...["--messages", String(20_000 / SCALE), "--size", "1000", "--batch", "50"],
        ]),
      ),
    );
    // 1 MB at once through a 64 KiB ring cannot all be heard
    const large = await talk(["--size", "1000000", "--messages", "5", "--tag", "flood-large"]);
    const heard = await tool.stop();
    for (const truth of [...truths, large]) expectAccounted(heard, truth);
    expect(lostBytes(heard)).toBeGreaterThan(0);
  });

  test.skipIf(LACKS_SPEED !== undefined)(
    titled("eight messages of 8 MiB, written without pause, are heard by default", LACKS_SPEED),
    async () => {
      await using tool = await Tool.start(...attach);
      const burst = ["--size", String(8 << 20), "--messages", "8", "--batch", "8", "--no-answers"];
      const truth = await talk([...burst, "--channel", "pipe", "--tag", "burst"]);
      const heard = await tool.stop();
      expectAccounted(heard, truth);
      expect(lostBytes(heard)).toBe(0);
      expect(account(heard, truth, "c2s").messages).toBeGreaterThan(8 * (8 << 20));
    },
  );

  /**
   * Three channels that talk while the tool is stopped, and go on when it runs again. `before`: calls that are made
   * while it is stopped.
   */
  async function stoppedUnder(before: number, size: number, channels: readonly string[]) {
    // The hold comes after `before` calls; what is read until then is also after the tool listens, so all counts.
    await using tool = await Tool.start(...attach, "--ring", "256K");
    tool.kill("SIGSTOP");
    const running = channels.map(
      (channel, index) =>
        new Traffic([
          ...["--channel", channel, "--tag", `stopped-${size}-${index}`, "--size", String(size)],
          ...[
            "--messages",
            String(before + 20),
            "--hold",
            "running",
            "--hold-after",
            String(before),
          ],
          // small ones fit into the ring again
          ...["--size-after", "300"],
        ]),
    );
    await Promise.all(running.map((traffic) => traffic.held()));
    tool.kill("SIGCONT");
    // It has caught up when it says a word about the gap.
    await tool.writes((text) => text.includes('"ring_full"'));
    for (const traffic of running) traffic.go();
    const truths = await Promise.all(running.map((traffic) => traffic.over()));
    return { heard: await tool.stop(), truths };
  }

  test.each([
    ["many small messages", 3000 / SCALE, 400],
    ["few large ones", 4, 700_000],
  ] as const)(
    "stopped under %s: exact per channel, and the next good message is heard",
    async (_, before, size) => {
      const { heard, truths } = await stoppedUnder(before, size, [
        "pipe",
        "socketpair",
        "unix-listen",
        "tcp4",
        "tcp6",
      ]);
      for (const truth of truths) {
        if (truth === undefined) throw new Error("this kernel lacks a call");
        const whole = { ...truth, readBytes: wholeBytes(truth) };
        expectAccounted(heard, whole);
        expect(account(heard, whole, "c2s").lost).toBeGreaterThan(0);
        // The first call after the gap may share its read with the gap's last line.
        expectHeardAfterGo(heard, truth, before + 1);
      }
      expect(lostBytes(heard)).toBeGreaterThan(0);
    },
  );

  test("a conversation that begins unheard and of which no message is whole: every byte is lost [capture/account]", async () => {
    await using tool = await Tool.start(...attach, "--ring", "64K");
    tool.kill("SIGSTOP");
    const size = ["--size", "1000000", "--messages", "4", "--tag", "never-whole"];
    // small ones fill the ring to the last note: nothing of the next channels finds room until the tool runs again
    const filling = await talk(["--size", "200", "--messages", "500", "--tag", "filling"]);
    const running = new Traffic([...size, "--hold", "running", "--hold-after", "1"]);
    await running.held();
    tool.kill("SIGCONT");
    running.go();
    const truth = await running.over();
    if (truth === undefined) throw new Error("this kernel lacks a call");
    const heard = await tool.stop();
    for (const each of [filling, truth]) {
      expectAccounted(heard, { ...each, readBytes: wholeBytes(each) });
    }
    expect(messagesOf(heard, truth)).toEqual([]);
  });

  test("bytes written and never read are reported at the channel's end, with who wrote them [capture/unread]", async () => {
    await using tool = await Tool.start(...attach);
    const truths: Truth[] = [];
    for (const channel of ["pipe", "fifo", "socketpair", "tcp4", "tcp6"])
      truths.push(
        await talk(["--channel", channel, "--unread", "5", "--tag", `unread-${channel}`]),
      );
    const heard = await tool.stop();
    for (const truth of truths) {
      const bytes = truth.unread.reduce((sum, one) => sum + one.bytes, 0);
      const lines = lossOf(heard, truth, "c2s").map((line) => ({
        reason: line["reason"],
        bytes: line["bytes"],
        from: at(transportOf(line), "from_pid"),
      }));
      expect(lines).toEqual([{ reason: "unread", bytes, from: [...truth.clients][0] }]);
      expect(messagesOf(heard, truth).length).toBe(truth.read.length);
    }
  });

  test.each([
    ["pipe", "write"],
    ["fifo", "writev"],
    ["socketpair", "sendto"],
    ["unix-listen", "sendmsg"],
    ["tcp4", "write"],
    ["tcp6", "sendmsg"],
  ])("what a %s's reader never reads a byte of is reported, too (%s)", async (channel, write) => {
    await using tool = await Tool.start(...attach);
    const path = ["--channel", channel, "--write", write];
    const truth = await talk([...path, "--deaf", "--tag", `deaf-${channel}`]);
    const heard = await tool.stop();
    const bytes = truth.unread.reduce((sum, one) => sum + one.bytes, 0);
    const [client] = truth.clients;
    const lines = heard.lines
      .filter((line) => line["kind"] === "loss")
      .filter((line) => at(transportOf(line), "from_pid") === client)
      .map((line) => ({ reason: line["reason"], bytes: line["bytes"] }));
    expect(bytes).toBeGreaterThan(0);
    expect(lines).toEqual([{ reason: "unread", bytes }]);
  });

  test("what a reader that dies inside a blocked write has not read is reported, to the byte [capture/unread]", async () => {
    await using tool = await Tool.start(...attach);
    const script = `
import os, socket
ours, theirs = socket.socketpair()
call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' + b'y' * 3000000 + b'"}}'
reader = os.fork()
if reader == 0:
    ours.close()
    assert len(theirs.recv(1000, socket.MSG_WAITALL)) == 1000
    os._exit(0)
theirs.close()
print(os.getpid(), ours.send(call), flush=True)
os.waitpid(reader, 0)`;
    const child = Bun.spawn(["/usr/bin/python3", "-c", script], { stdout: "pipe" });
    const [writer, sent] = (await child.stdout.text()).trim().split(" ").map(Number);
    expect(await child.exited).toBe(0);
    const heard = await tool.stop();
    const lines = heard.lines
      .filter((line) => line["kind"] === "loss")
      .filter((line) => at(transportOf(line), "from_pid") === writer)
      .map((line) => [line["reason"], line["bytes"]]);
    expect(sent).toBeGreaterThan(1000);
    expect(lines).toEqual([
      ["unfinished_line", 1000],
      ["unread", (sent ?? 0) - 1000],
    ]);
  });

  test.each([
    ["pipe", "readv"],
    ["socketpair", "recvmsg"],
    ["tcp4", "recvmsg"],
  ])(
    "a %s read by %s through 1,000 small buffers at a time fits into a small ring",
    async (channel, read) => {
      // one record a buffer would take 240 KB of it for a message; emulation is slow to empty it, and so is the tool
      // while it looks for TLS libraries
      await using tool = await Tool.start(...attach, "--ring", "128K", "--tls", "off");
      const path = ["--channel", channel, "--read", read];
      const options = ["--buffers", "1000", "--size", "6900", "--messages", "23"];
      const rate = ["--rate", EMULATED ? "2" : "50"];
      const truth = await talk([...path, ...options, ...rate, "--tag", `small-buffers-${channel}`]);
      const heard = await tool.stop();
      expect(messagesOf(heard, truth).length).toBe(truth.read.length);
      expect(lostBytes(heard)).toBe(0);
    },
  );

  test("--fail-on-loss ends with 5 when there was loss, and with 0 when there was none, or only the peers'", async () => {
    // what else this machine says may be too much
    const own = [...attach, "--pid", String(process.pid), "--fail-on-loss"];
    await using quiet = await Tool.start(...own);
    await talk(["--tag", "no-loss"]);
    await using theirs = await Tool.start(...own);
    expect((await quiet.stop()).exitCode).toBe(0);
    await talk(["--unfinished", "--tag", "some-loss"]);
    await using lossy = await Tool.start(...own, "--ring", "64K");
    const { exitCode, summary } = await theirs.stop();
    expect({ exitCode, summary }).toMatchObject({
      exitCode: 0,
      summary: { loss: { unfinished_line: 46 }, loss_bytes: 0, peer_loss_bytes: 46 },
    });
    await talk(["--size", "1000000", "--messages", "2", "--tag", "too-much"]);
    const lost = await lossy.stop();
    expect(lost.exitCode).toBe(5);
    expect(numberAt(lost.summary, "loss_bytes")).toBeGreaterThan(0);
  });
});

/** All that was read in this conversation: the tool listened before it began. */
function wholeBytes(truth: Truth): Record<Direction, number> {
  const sum = (direction: Direction) =>
    truth.read
      .filter((one) => one.direction === direction)
      .reduce((total, one) => total + one.bytes, 0);
  return { c2s: sum("c2s"), s2c: sum("s2c") };
}
