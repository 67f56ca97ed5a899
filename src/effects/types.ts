/** Open calls, processes and connections in, what each call caused out. docs/effects.md */
import type { ExecEvent, ExitEvent, ForkEvent, Process } from "../capture/types.ts";
import type { Connection } from "../connections/types.ts";

export interface FileChange {
  readonly change: "create" | "write" | "rename" | "unlink";
  readonly path: string;
  /** rename: the new name. */
  readonly to: string | undefined;
}

interface Caused {
  readonly timeNs: number;
  /** Who did it: the server, or a process below it. */
  readonly process: Process;
  /** Id texts of the calls that were open then, when there were several: it may be of any of them. Empty: it is this call's. */
  readonly candidates: readonly string[];
}

/** What happened in a server's process tree while a call was open. Live: `process.exit` and a connection's outcome are set
 * when they come. */
export type Effect =
  /** The program that `process` became; its exit is `process.exit`. */
  | (Caused & { readonly kind: "exec"; readonly argv: readonly string[] })
  /** `child` is the new process, which has not run another program (yet). */
  | (Caused & { readonly kind: "fork"; readonly child: Process })
  | (Caused & { readonly kind: "connect"; readonly connection: Connection })
  | (Caused & { readonly kind: "file"; readonly file: FileChange });

/** A request was read by its server. `call`: what stands for it from here on. */
export interface CallBegin<Call> {
  readonly kind: "call-begin";
  readonly call: Call;
  readonly idText: string;
  readonly server: Process;
  readonly timeNs: number;
}

/** It was answered, or will not be. */
export interface CallEnd<Call> {
  readonly kind: "call-end";
  readonly call: Call;
  readonly timeNs: number;
}

/** An attempt to connect has begun. */
export interface Connected {
  readonly kind: "connected";
  /** Live. */
  readonly connection: Connection;
}

/** A process changed a file. */
export interface FileChanged {
  readonly kind: "file-changed";
  readonly process: Process;
  readonly file: FileChange;
  readonly timeNs: number;
}

export interface EffectTick {
  readonly kind: "tick";
  readonly timeNs: number;
}

export type EffectInput<Call> =
  | CallBegin<Call>
  | CallEnd<Call>
  | Connected
  | FileChanged
  | ForkEvent
  | ExecEvent
  | ExitEvent
  | EffectTick;

export type EffectOutput<Call> =
  /** What an ended call has caused until then, in order of time; the answer to `call-end`. */
  | { readonly kind: "effects"; readonly call: Call; readonly effects: readonly Effect[] }
  /** Of a call that has ended: a process that outlives it goes on. */
  | { readonly kind: "late"; readonly call: Call; readonly effect: Effect };
