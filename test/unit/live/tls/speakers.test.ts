/** Who speaks TLS and is not heard is named, once a program, with the reason. */
import { expect, test } from "bun:test";
import type { TlsUser } from "../../../../src/capture/tls/tls-users.ts";
import type { TlsUserEvent } from "../../../../src/capture/tls/types.ts";
import type { Process } from "../../../../src/capture/types.ts";
import type { TlsStack } from "../../../../src/libraries/types.ts";
import type { StackState } from "../../../../src/live/tls/libraries.ts";
import { mappedFiles } from "../../../../src/live/tls/mapped-files.ts";
import { TlsSpeakers } from "../../../../src/live/tls/speakers.ts";

const PID = process.pid;
/** Nobody has this id. */
const GONE = 2 ** 22 + 1;
const SECOND = 1e9;

function event(kind: TlsUserEvent["kind"], pid: number, timeNs = SECOND): TlsUserEvent {
  return { kind, pid, timeNs, startNs: 5, comm: "agent" };
}

function processAt(pid: number, startNs: number, comm: string): Process {
  return { pid, startNs, comm, commandLine: [], containerId: undefined, exit: undefined };
}

/** One stack in all files of a process. */
function setUp(stack?: TlsStack, state: StackState["state"] = "heard", sinceNs = 0) {
  const told: string[] = [];
  const looked: number[] = [];
  const users = new Map<number, TlsUser>([
    [PID, { isHeard: false, isKnown: false }],
    [PID + 1, { isHeard: false, isKnown: false }],
  ]);
  const isKnown = { now: true };
  const speakers = new TlsSpeakers({
    libraries: {
      isKnown: () => isKnown.now,
      stacksIn: () => (stack === undefined ? [] : [{ stack, state, sinceNs }]),
    },
    userOf: (pid) => users.get(pid),
    lookInto: (files) => void looked.push(files.length),
    processAt,
    tell: (line) => void told.push(`${line.reason} ${line.process?.pid}`),
  });
  return { speakers, told, looked, users, isKnown };
}

test.each([
  ["rustls", "unheard", "tls_rustls"],
  ["java", "unheard", "tls_java"],
  ["openssl", "refused", "tls_refused"],
] as const)("TlsSpeakers names %s that is %s at its first look", (stack, state, reason) => {
  const { speakers, told } = setUp(stack, state);
  speakers.observe(event("tls-seen", PID));
  speakers.chores(2.9 * SECOND);
  expect(told).toEqual([]);
  speakers.chores(3.1 * SECOND);
  speakers.chores(100 * SECOND);
  expect(told).toEqual([`${reason} ${PID}`]);
});

test("TlsSpeakers waits longer for one in whom nothing was found, or what is listened to", () => {
  for (const stack of [undefined, "openssl"] as const) {
    const { speakers, told } = setUp(stack);
    speakers.observe(event("tls-seen", PID));
    speakers.chores(10 * SECOND);
    expect(told).toEqual([]);
    speakers.chores(22 * SECOND);
    expect(told).toEqual([`tls_unknown_stack ${PID}`]);
  }
});

test("TlsSpeakers names nobody who was heard, or whose library is listened to since", () => {
  const { speakers, told, users } = setUp();
  users.set(PID, { isHeard: true, isKnown: false });
  speakers.observe(event("tls-seen", PID));
  speakers.chores(30 * SECOND);
  const late = setUp("openssl", "heard", 2 * SECOND);
  late.speakers.observe(event("tls-seen", PID));
  late.speakers.chores(30 * SECOND);
  late.speakers.end(40 * SECOND);
  const waits = setUp("rustls", "unheard");
  waits.isKnown.now = false;
  waits.speakers.observe(event("tls-seen", PID));
  waits.speakers.chores(30 * SECOND);
  expect([told, late.told, waits.told]).toEqual([[], [], []]);
});

test.each([
  ["before anybody looked", GONE, undefined, "heard", 0, "tls_too_short"],
  ["before its library was listened to", PID, "openssl", "heard", 2 * SECOND, "tls_too_short"],
  ["with a stack that is not heard", PID, "rustls", "unheard", 0, "tls_rustls"],
  ["with none that is known", PID, undefined, "heard", 0, "tls_unknown_stack"],
] as const)("TlsSpeakers names one that ends %s", (_, pid, stack, state, sinceNs, reason) => {
  const { speakers, told } = setUp(stack, state, sinceNs);
  speakers.observe(event("tls-seen", pid));
  speakers.chores(SECOND);
  speakers.observe(event("tls-unheard", pid, 1.5 * SECOND));
  expect(told).toEqual([`${reason} ${pid}`]);
});

test("TlsSpeakers has all files of a process looked into", () => {
  const { speakers, looked } = setUp();
  speakers.observe(event("tls-seen", GONE));
  speakers.observe(event("tls-seen", PID));
  speakers.chores(SECOND);
  expect(looked).toEqual([mappedFiles(PID).length]);
});

test("TlsSpeakers waits for the files of one that has ended to be looked into", () => {
  const { speakers, told, isKnown } = setUp("rustls", "unheard");
  isKnown.now = false;
  speakers.observe(event("tls-seen", PID));
  speakers.chores(SECOND);
  speakers.observe(event("tls-unheard", PID, 1.5 * SECOND));
  speakers.chores(2 * SECOND);
  expect(told).toEqual([]);
  isKnown.now = true;
  speakers.chores(3 * SECOND);
  speakers.chores(30 * SECOND);
  expect(told).toEqual([`tls_rustls ${PID}`]);
});

test("TlsSpeakers does not wait for ever", () => {
  const { speakers, told, isKnown } = setUp("rustls", "unheard");
  isKnown.now = false;
  speakers.observe(event("tls-seen", PID));
  speakers.chores(SECOND);
  speakers.observe(event("tls-unheard", PID, 1.5 * SECOND));
  speakers.chores(7 * SECOND);
  expect(told).toEqual([`tls_too_short ${PID}`]);
});

test("TlsSpeakers names one once, not at its end again", () => {
  const { speakers, told } = setUp("rustls", "unheard");
  speakers.observe(event("tls-seen", PID));
  speakers.chores(4 * SECOND);
  speakers.observe(event("tls-unheard", PID, 9 * SECOND));
  speakers.chores(30 * SECOND);
  expect(told).toEqual([`tls_rustls ${PID}`]);
});

test("TlsSpeakers names one of whom it had not heard before its end", () => {
  const { speakers, told } = setUp();
  speakers.observe(event("tls-unheard", GONE));
  expect(told).toEqual([`tls_too_short ${GONE}`]);
});

test("TlsSpeakers names a program once for a reason", () => {
  const { speakers, told } = setUp("rustls", "unheard");
  for (const pid of [PID, GONE, GONE + 1]) {
    speakers.observe(event("tls-seen", pid));
    speakers.chores(SECOND);
    speakers.observe(event("tls-unheard", pid));
  }
  speakers.observe(event("tls-seen", PID));
  speakers.chores(30 * SECOND);
  // both that were gone were called "agent"
  expect(told).toEqual([`tls_rustls ${PID}`, `tls_too_short ${GONE}`]);
});

test("TlsSpeakers tells at the end of the run of those that it still waits for", () => {
  const { speakers, told } = setUp();
  speakers.observe(event("tls-seen", PID));
  speakers.end(2 * SECOND);
  expect(told).toEqual([]);
  speakers.end(4 * SECOND);
  expect(told).toEqual([`tls_unknown_stack ${PID}`]);
});
