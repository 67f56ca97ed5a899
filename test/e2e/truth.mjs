/**
 * The independent record: each line that a client or a server wrote or read at its own end of the
 * transport, as exact text, one JSON object per line in the file given.
 *
 *   {"event":"spawn","ns":"…","self":pid,"peer":pid,"command":[…]}
 *   {"event":"line","ns":"…","self":pid,"peer":pid,"direction":"sent"|"received","text":"…"}
 *   {"event":"exit","ns":"…","self":pid,"peer":pid,"code":0,"signal":null}
 *
 * `ns` is CLOCK_MONOTONIC: good for durations in one process, not for comparing hosts. Plain
 * JavaScript, because Node 20 runs no TypeScript. Source of the framing: MCP, basic/transports#stdio.
 */
import childProcess from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";

/** Cuts a stream of chunks (Buffer or string) into lines; `take` gets each without its line end. */
function lineCutter(take) {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  return (chunk) => {
    rest += typeof chunk === "string" ? chunk : decoder.write(Buffer.from(chunk));
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line.endsWith("\r") ? line.slice(0, -1) : line);
  };
}

function recorder(file) {
  return (entry) => {
    const stamped = { ns: String(process.hrtime.bigint()), self: process.pid, ...entry };
    appendFileSync(file, `${JSON.stringify(stamped)}\n`);
  };
}

/** Calls `see` with what goes into a writable stream, before it goes. */
function watchWrites(stream, see) {
  const write = stream.write.bind(stream);
  stream.write = (chunk, ...rest) => {
    see(chunk);
    return write(chunk, ...rest);
  };
}

/** A process, its children and theirs: pid and command line of each, as they are now. */
function processTree(pid) {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    const below = children === "" ? [] : children.split(" ").flatMap((c) => processTree(Number(c)));
    return [{ pid, command }, ...below];
  } catch {
    return []; // gone meanwhile
  }
}

/**
 * Records both directions of every child process started from now on, wherever the SDK starts it.
 * Works on child_process itself, so that a client's own transport classes stay as they are.
 * The first line received from a child also records the processes below it: the reader behind `sh -c`.
 */
export function recordChildren(file) {
  const record = recorder(file);
  const spawn = childProcess.spawn;
  childProcess.spawn = (command, args, options) => {
    const child = spawn(command, args, options);
    const peer = child.pid;
    record({ event: "spawn", peer, command: [command, ...(Array.isArray(args) ? args : [])] });
    let treeKnown = false;
    watchWrites(child.stdin, lineCutter((text) => record({ event: "line", peer, direction: "sent", text })));
    child.stdout.on(
      "data",
      lineCutter((text) => {
        if (!treeKnown) record({ event: "tree", peer, tree: processTree(peer) });
        treeKnown = true;
        record({ event: "line", peer, direction: "received", text });
      }),
    );
    child.on("exit", (code, signal) => record({ event: "exit", peer, code, signal }));
    return child;
  };
}

/** Records both directions of this process's own stdin and stdout. */
export function recordSelf(file) {
  const record = recorder(file);
  const peer = process.ppid;
  process.stdin.on("data", lineCutter((text) => record({ event: "line", peer, direction: "received", text })));
  watchWrites(process.stdout, lineCutter((text) => record({ event: "line", peer, direction: "sent", text })));
}
