/** A cgroup path in, the id of the container that it belongs to out. */

// Docker, containerd, CRI-O and podman name a container's cgroup after its 64-digit id, below systemd with a
// prefix and ".scope" (docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope); runc without
// systemd joins it with colons (SLICE:cri-containerd:ID). conmon's own cgroup carries the id, too, but is outside.
const HEX_ID = /(?<=^|[/:-])(?<!-conmon-)([0-9a-f]{64})(?=\.scope|\/|$)/g;
// LXC and Incus: /lxc/NAME, /lxc.payload.NAME; systemd-nspawn: machine-NAME.scope, systemd-nspawn@NAME.service
const NAMED =
  /\/(?:lxc\.payload[./]|lxc\/|machine\.slice\/(?:machine-|systemd-nspawn@))([^/]+?)(?:\.scope|\.service)?(?:\/|$)/;

/** The innermost container (a nested one ends the path); undefined outside of all. */
export function containerIdOf(cgroupPath: string | undefined): string | undefined {
  if (cgroupPath === undefined) return undefined;
  const ids = cgroupPath.match(HEX_ID);
  return ids?.at(-1) ?? unescapeUnit(NAMED.exec(cgroupPath)?.[1]);
}

/** systemd writes what a unit's name may not hold as \xNN. Source: systemd.unit(5), string escaping. */
function unescapeUnit(name: string | undefined): string | undefined {
  return name?.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
