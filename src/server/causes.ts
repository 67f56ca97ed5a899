/** Failures that are alike in, their cause in plain words and what to look at next out. */
import type { CallFailures, ConnectionFailures } from "../store/types.ts";
import { authority } from "./shapes.ts";

export interface Cause {
  readonly cause: string;
  /** What would tell more; undefined: nothing is known that would. */
  readonly next: string | undefined;
}

export function destinationOf(failures: ConnectionFailures): string {
  return authority(failures.host, failures.port) ?? "an unknown destination";
}

export function connectionCause(failures: ConnectionFailures): Cause {
  const to = destinationOf(failures);
  switch (failures.outcome) {
    case "refused":
      return {
        cause: `Nothing listens at ${to}: the connection was refused.`,
        next: `is the service at ${to} running, and is that its port?`,
      };
    case "timed_out":
      return {
        cause: `${to} did not answer: no reply came to the attempt to connect.`,
        next: "is the host up? A firewall that drops packets looks the same.",
      };
    case "unreachable":
      return {
        cause: `There is no way to ${to} from here (${failures.errno ?? "unreachable"}).`,
        next: "look at routes, the network of the container, and whether IPv6 works at all",
      };
    case "reset":
      return {
        cause: `${to} cut the connection short (reset).`,
        next: `look at the log of the service at ${to}`,
      };
    case "failed":
      return failedCause(to, failures.errno);
    default:
      return { cause: `The connection to ${to} ended as ${failures.outcome}.`, next: undefined };
  }
}

function failedCause(to: string, errno: string | undefined): Cause {
  switch (errno) {
    case "EACCES":
    case "EPERM":
      return {
        cause: `The system forbids the connection to ${to} (${errno}).`,
        next: "look at firewall rules, permissions of the socket, and seccomp or SELinux",
      };
    case "ENOENT":
      return {
        cause: `The socket ${to} does not exist.`,
        next: "is its service running, and is this its path?",
      };
    case "EMFILE":
    case "ENFILE":
      return {
        cause: `No file descriptor was left for the connection to ${to} (${errno}).`,
        next: "the program leaks descriptors, or its limit (ulimit -n) is too low",
      };
    case "EADDRNOTAVAIL":
      return {
        cause: `No local address or port was free for the connection to ${to}.`,
        next: "many short connections use up the ports; or the address is not of this host",
      };
    default:
      return {
        cause: `The connection to ${to} failed${errno === undefined ? "" : ` (${errno})`}.`,
        next: undefined,
      };
  }
}

/** What JSON-RPC and MCP say of codes. */
const CODES: Readonly<Record<number, string>> = {
  [-32700]: "the server could not read the request as JSON",
  [-32600]: "the server says that the request is none",
  [-32601]: "the server does not know the method",
  [-32602]: "the server refused the parameters",
  [-32603]: "the server had an internal error",
  [-32001]: "the request timed out, by the word of who answered",
  [-32002]: "the server has no such resource",
  [-32020]: "headers and body of the request say different things",
  [-32021]: "the client lacks a capability that the server needs",
  [-32022]: "the two speak no common protocol version",
  [-32042]: "the server wants the user to open a URL first",
};

export function callCause(failures: CallFailures): Cause {
  const [worst] = failures.connections;
  const base = callBase(failures);
  if (worst === undefined) return base;
  const { cause } = connectionCause(worst);
  const by = worst.comm === undefined ? "" : ` (${worst.comm})`;
  return {
    cause: `${base.cause} While it worked, a connection failed${by}: ${cause}`,
    next: `list_connections with host ${JSON.stringify(worst.host ?? "")} tells how often that happens`,
  };
}

function callBase(failures: CallFailures): Cause {
  const { status, errorCode, errorText, serverName } = failures;
  const said = errorText === undefined ? "" : `: ${JSON.stringify(errorText)}`;
  switch (status) {
    case "tool_error":
      return { cause: `The tool itself reported a failure${said}.`, next: undefined };
    case "error": {
      const meaning = errorCode === undefined ? undefined : CODES[errorCode];
      return {
        cause: `${capital(meaning ?? "the server answered with an error")} (${errorCode ?? "no code"})${said}.`,
        next: errorCode === -32602 ? "get_call shows the parameters that were sent" : undefined,
      };
    }
    case "unanswered":
      return {
        cause: `${serverName} never answered: the session ended first.`,
        next: "list_sessions tells why it ended: did the server crash, or was it killed?",
      };
    case "cancelled":
      return {
        cause: "The client gave up and cancelled, most likely because it took too long.",
        next: "get_call shows what the server did meanwhile",
      };
    default:
      return { cause: `The call ended as ${status}${said}.`, next: undefined };
  }
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
