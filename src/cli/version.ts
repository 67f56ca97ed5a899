/** Who we are: the version, and what the build was made of. */
import manifest from "../../package.json" with { type: "json" };

/** Set by `bun build --define`; a run from the sources has neither. */
declare const OVERHEAR_COMMIT: string;
declare const OVERHEAR_LIBBPF: string;

export const VERSION: string = manifest.version;

/** One fact per line, the tool's own version first. */
export function renderVersion(): string {
  const commit = typeof OVERHEAR_COMMIT === "string" ? OVERHEAR_COMMIT : "none, run from sources";
  const libbpf = typeof OVERHEAR_LIBBPF === "string" ? `libbpf ${OVERHEAR_LIBBPF}\n` : "";
  return `overhear ${VERSION}\ncommit ${commit}\nbun ${Bun.version}\n${libbpf}`;
}
