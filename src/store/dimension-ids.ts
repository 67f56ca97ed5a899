/** Tools and hosts by their names in, the ids of their rows out; a row for each that is new. */
import type { Statement } from "bun:sqlite";
import { RecentMap } from "../recent-map.ts";
import type { Statements } from "./statements.ts";

/** Names whose ids are remembered; others are looked up. */
const MAX_KNOWN = 16_384;

interface Known {
  readonly id: number;
  segment: number;
}

export class DimensionIds {
  readonly #findTool: Statement<{ id: number }, [string, string, string]>;
  readonly #addTool: Statement<{ id: number }, [number, string, string, string]>;
  readonly #useTool: Statement<unknown, [number, number]>;
  readonly #findHost: Statement<{ id: number }, [string]>;
  readonly #addHost: Statement<{ id: number }, [number, string]>;
  readonly #useHost: Statement<unknown, [number, number]>;
  #tools = new RecentMap<string, Known>(MAX_KNOWN);
  #hosts = new RecentMap<string, Known>(MAX_KNOWN);

  constructor(statements: Statements) {
    this.#findTool = statements.prepare(
      "SELECT id FROM tools WHERE server = ? AND method = ? AND target = ?",
    );
    this.#addTool = statements.prepare(
      "INSERT INTO tools (segment_id, server, method, target) VALUES (?, ?, ?, ?) RETURNING id",
    );
    this.#useTool = statements.prepare("UPDATE tools SET segment_id = ?2 WHERE id = ?1");
    this.#findHost = statements.prepare("SELECT id FROM hosts WHERE name = ?");
    this.#addHost = statements.prepare(
      "INSERT INTO hosts (segment_id, name) VALUES (?, ?) RETURNING id",
    );
    this.#useHost = statements.prepare("UPDATE hosts SET segment_id = ?2 WHERE id = ?1");
  }

  tool(server: string, method: string, target: string, segment: number): number {
    const key = `${server}\0${method}\0${target}`;
    return this.#idOf(this.#tools, key, segment, this.#useTool, () => ({
      found: this.#findTool.get(server, method, target)?.id,
      add: () => this.#addTool.get(segment, server, method, target)?.id,
    }));
  }

  host(name: string | null, segment: number): number | null {
    if (name === null) return null;
    return this.#idOf(this.#hosts, name, segment, this.#useHost, () => ({
      found: this.#findHost.get(name)?.id,
      add: () => this.#addHost.get(segment, name)?.id,
    }));
  }

  /** What was added is not there: the transaction was undone; or retention removed some. */
  forget(): void {
    this.#tools = new RecentMap(MAX_KNOWN);
    this.#hosts = new RecentMap(MAX_KNOWN);
  }

  #idOf(
    map: RecentMap<string, Known>,
    key: string,
    segment: number,
    use: Statement<unknown, [number, number]>,
    look: () => { readonly found: number | undefined; readonly add: () => number | undefined },
  ): number {
    const known = map.get(key);
    if (known?.segment === segment) return known.id;
    const { found, add } = known === undefined ? look() : { found: known.id, add: () => undefined };
    const id = found ?? add() ?? 0;
    if (found !== undefined) use.run(id, segment);
    map.set(key, { id, segment });
    return id;
  }
}
