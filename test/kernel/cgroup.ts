/** A name in, a cgroup (version 2) of that name out, removed when done. */
import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

function mountPoint(): string | undefined {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  return mounts.map((line) => line.split(" ")).find((fields) => fields[2] === "cgroup2")?.[1];
}

export class Cgroup implements Disposable {
  /** As the tool's --cgroup wants it. */
  readonly path: string;
  readonly #directory: string;

  /** Undefined where no cgroup can be made. */
  static make(name: string): Cgroup | undefined {
    const root = mountPoint();
    if (root === undefined) return undefined;
    try {
      mkdirSync(join(root, name));
    } catch {
      return undefined;
    }
    return new Cgroup(root, name);
  }

  private constructor(root: string, name: string) {
    this.path = `/${name}`;
    this.#directory = join(root, name);
  }

  /** Runs the command behind it inside. */
  get wrapper(): readonly string[] {
    const script = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    return ["sh", "-c", script, this.#directory];
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#directory);
  }
}
