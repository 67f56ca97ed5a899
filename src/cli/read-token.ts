/** The file of --token-file in, the token out. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { errorText } from "../sinks/errors.ts";
import { UsageError } from "./errors.ts";

const MIN_CHARS = 16;
const MAX_BYTES = 4096;
/** Of the group and of others. */
const OTHERS = 0o077;

/** @throws UsageError */
export function readToken(path: string): string {
  let fd: number;
  try {
    // a named pipe that nobody writes to must not hang
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw cannotUse(path, errorText(cause), "name a file with one line, the token", cause);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw cannotUse(path, "is no regular file", "name a file with one line");
    if ((stats.mode & OTHERS) !== 0) {
      throw cannotUse(path, "others may read it", `chmod 600 ${path}`);
    }
    if (stats.size > MAX_BYTES) throw cannotUse(path, "is too long for a token", "one line needed");
    return checkToken(path, readFileSync(fd, "utf8").trim());
  } finally {
    closeSync(fd);
  }
}

function checkToken(path: string, token: string): string {
  const hint = `openssl rand -hex 32 >${path}`;
  if (token.length < MIN_CHARS) {
    throw cannotUse(path, `${token.length} characters, ${MIN_CHARS} needed`, hint);
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw cannotUse(path, "holds more than one word of printable ASCII", hint);
  }
  return token;
}

function cannotUse(path: string, why: string, hint: string, cause?: unknown): UsageError {
  return new UsageError(`Cannot use --token-file "${path}": ${why}`, hint, { cause });
}
