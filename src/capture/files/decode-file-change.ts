/** Records of bpf/files.bpf.c in, typed events out. */
import { type CommCache, u64, wholeMicros } from "../fields.ts";
import { FILE_CHANGE, FILE_CHANGE_EVENT, FILE_PLACE } from "../layout.ts";
import type { FileChangeEvent } from "./types.ts";

const CHANGES: Readonly<Record<number, FileChangeEvent["change"]>> = {
  [FILE_CHANGE.created]: "create",
  [FILE_CHANGE.written]: "write",
  [FILE_CHANGE.renamed]: "rename",
  [FILE_CHANGE.unlinked]: "unlink",
};

/** undefined: of a kind that this version does not know. */
export function decodeFileChange(
  view: DataView,
  bytes: Buffer,
  at: number,
  comms: CommCache,
): FileChangeEvent | undefined {
  const change = CHANGES[view.getUint32(at + FILE_CHANGE_EVENT.change, true)];
  if (change === undefined) return undefined;
  const pid = view.getUint32(at + FILE_CHANGE_EVENT.tgid, true);
  const place = (offset: number) => readPlace(view, bytes, at + offset);
  return {
    kind: "file-change",
    change,
    timeNs: wholeMicros(u64(view, at + FILE_CHANGE_EVENT.time_ns)),
    pid,
    startNs: u64(view, at + FILE_CHANGE_EVENT.start_ns),
    comm: comms.read(view, at + FILE_CHANGE_EVENT.comm, pid),
    path: place(FILE_CHANGE_EVENT.place),
    to: change === "rename" ? place(FILE_CHANGE_EVENT.to) : undefined,
  };
}

function readPlace(view: DataView, bytes: Buffer, at: number): string {
  const nameLength = view.getUint16(at + FILE_PLACE.name_len, true);
  const name = bytes.toString("utf8", at + FILE_PLACE.name, at + FILE_PLACE.name + nameLength);
  if (name.startsWith("/")) return name;
  const length = view.getUint16(at + FILE_PLACE.directories_len, true);
  const from = at + FILE_PLACE.directories;
  const inner = bytes
    .toString("utf8", from, from + length)
    .split("\0")
    .slice(0, -1);
  const parts = [...inner.reverse(), ...(name === "" ? [] : [name])];
  return parts.length === 0 ? "" : normal(`/${parts.join("/")}`);
}

/** Without "." and ".." that a relative name begins with. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
