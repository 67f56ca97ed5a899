/** What the kernel side reports of files, decoded. */

/** A process below a server changed a file. */
export interface FileChangeEvent {
  readonly kind: "file-change";
  readonly change: "create" | "write" | "rename" | "unlink";
  readonly timeNs: number;
  readonly pid: number;
  readonly startNs: number;
  readonly comm: string;
  /** From the root that its process sees; "": not known. */
  readonly path: string;
  /** rename: the new one. */
  readonly to: string | undefined;
}
