/** A cgroup path in, the id of the container that it belongs to out. */

// Docker, containerd, CRI-O and podman name a container's cgroup after its 64-digit id, below systemd with a
// prefix and ".scope" (docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope).
const HEX_ID = /(?:^|[/-])([0-9a-f]{64})(?:\.scope)?(?:\/|$)/g;
// LXC and Incus: /lxc/NAME, /lxc.payload.NAME; systemd-nspawn: machine-NAME.scope
const NAMED = /\/(?:lxc\.payload[./]|lxc\/|machine\.slice\/machine-)([^/]+?)(?:\.scope)?(?:\/|$)/;

/** The innermost container (a nested one ends the path); undefined outside of all. */
export function containerIdOf(cgroupPath: string | undefined): string | undefined {
  if (cgroupPath === undefined) return undefined;
  const ids = [...cgroupPath.matchAll(HEX_ID)].map((match) => match[1]);
  return ids.at(-1) ?? NAMED.exec(cgroupPath)?.[1];
}
