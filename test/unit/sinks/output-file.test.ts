import { describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { OutputError } from "../../../src/sinks/errors.ts";
import { OutputFile } from "../../../src/sinks/output-file.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const isRoot = process.getuid?.() === 0;

/** The OutputError that an action throws. */
function failureOf(action: () => void): OutputError {
  try {
    action();
  } catch (error) {
    if (error instanceof OutputError) return error;
    throw error;
  }
  throw new Error("It did not fail");
}

describe("OutputFile", () => {
  test("OutputFile makes a new file that only its owner can read", () => {
    using folder = new TemporaryFolder();
    using file = new OutputFile(folder.at("a.ndjson"), undefined);
    file.append(Buffer.from("1\n"));
    file.append(Buffer.from("22\n"));
    expect(file.size).toBe(5);
    expect(readFileSync(folder.at("a.ndjson"), "utf8")).toBe("1\n22\n");
    expect(statSync(folder.at("a.ndjson")).mode & 0o777).toBe(0o600);
  });

  test.skipIf(!isRoot)(
    "OutputFile gives a new file to the owner, and leaves an old one alone",
    () => {
      using folder = new TemporaryFolder();
      const owner = { uid: 1234, gid: 5678 };
      writeFileSync(folder.at("old"), "x\n");
      chownSync(folder.at("old"), 7, 8);
      new OutputFile(folder.at("new"), owner).close();
      new OutputFile(folder.at("old"), owner).close();
      expect(statSync(folder.at("new"))).toMatchObject({ uid: 1234, gid: 5678 });
      expect(statSync(folder.at("old"))).toMatchObject({ uid: 7, gid: 8 });
    },
  );

  test("OutputFile appends to what is there", () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at("a"), "old\n");
    using file = new OutputFile(folder.at("a"), undefined);
    file.append(Buffer.from("new\n"));
    expect(readFileSync(folder.at("a"), "utf8")).toBe("old\nnew\n");
  });

  test("OutputFile ends a line that a crash has torn", () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at("a"), '{"kind":"mess');
    using file = new OutputFile(folder.at("a"), undefined);
    file.append(Buffer.from("new\n"));
    expect(readFileSync(folder.at("a"), "utf8")).toBe('{"kind":"mess\nnew\n');
  });

  test("OutputFile does not follow a symbolic link, also one that leads nowhere", () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at("target"), "precious\n");
    symlinkSync(folder.at("target"), folder.at("link"));
    symlinkSync(folder.at("nowhere"), folder.at("dangling"));
    const failure = failureOf(() => new OutputFile(folder.at("link"), undefined));
    expect(failure.message).toBe(`Cannot open "${folder.at("link")}": is a symbolic link (ELOOP)`);
    expect(failure).toMatchObject({ code: "ELOOP", path: folder.at("link") });
    expect(failure.hint).toBe(
      "name the file itself; a root tool never writes through a symbolic link",
    );
    expect(failureOf(() => new OutputFile(folder.at("dangling"), undefined)).code).toBe("ELOOP");
    expect(existsSync(folder.at("nowhere"))).toBe(false);
    expect(readFileSync(folder.at("target"), "utf8")).toBe("precious\n");
  });

  test("OutputFile refuses a file with a second name", () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.at("shadow"), "precious\n");
    linkSync(folder.at("shadow"), folder.at("log"));
    expect(failureOf(() => new OutputFile(folder.at("log"), undefined)).message).toBe(
      `Cannot write to "${folder.at("log")}": it has 2 names, 1 wanted`,
    );
  });

  test("OutputFile refuses a directory and a missing one with the system's reason", () => {
    using folder = new TemporaryFolder();
    mkdirSync(folder.at("d"));
    expect(failureOf(() => new OutputFile(folder.at("d"), undefined)).code).toBe("EISDIR");
    expect(failureOf(() => new OutputFile(folder.at("no/file"), undefined)).message).toBe(
      `Cannot open "${folder.at("no/file")}": no such file or directory (ENOENT)`,
    );
  });

  test("OutputFile refuses a named pipe and does not hang on it", () => {
    using folder = new TemporaryFolder();
    Bun.spawnSync(["mkfifo", folder.at("p")]);
    expect(failureOf(() => new OutputFile(folder.at("p"), undefined)).message).toBe(
      `Cannot write to "${folder.at("p")}": is no regular file, one wanted`,
    );
  });

  test("OutputFile says that a device is full", () => {
    using file = new OutputFile("/dev/full", undefined);
    const failure = failureOf(() => file.append(Buffer.from("x\n")));
    expect(failure.message).toBe('Cannot write to "/dev/full": no space left on device (ENOSPC)');
  });

  /** A disk of 16 KiB. */
  function onSmallDisk(body: (folder: TemporaryFolder) => void): void {
    using folder = new TemporaryFolder();
    const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16k", "none", folder.path]);
    if (mount.exitCode !== 0) throw new Error(`mount failed: ${mount.stderr.toString()}`);
    try {
      body(folder);
    } finally {
      Bun.spawnSync(["umount", folder.path]);
    }
  }

  const line = `${"x".repeat(99)}\n`;

  test.skipIf(!isRoot)("OutputFile leaves whole lines on a disk that fills up", () => {
    onSmallDisk((folder) => {
      using file = new OutputFile(folder.at("a"), undefined);
      file.append(Buffer.from(line.repeat(100)));
      const failure = failureOf(() => file.append(Buffer.from(line.repeat(100))));
      expect(failure.code).toBe("ENOSPC");
      // 16,384 bytes hold 163 lines of 100 bytes; the torn one is cut off.
      expect(readFileSync(folder.at("a"), "utf8")).toBe(line.repeat(163));
    });
  });

  test.skipIf(!isRoot)("OutputFile cuts a line that came in pieces off as a whole", () => {
    onSmallDisk((folder) => {
      using file = new OutputFile(folder.at("a"), undefined);
      file.append(Buffer.from(`${line.repeat(50)}torn`));
      file.append(Buffer.from("x".repeat(5_000)));
      expect(failureOf(() => file.append(Buffer.from("x".repeat(10_000)))).code).toBe("ENOSPC");
      expect(readFileSync(folder.at("a"), "utf8")).toBe(line.repeat(50));
    });
  });
});
