import { expect, test } from "bun:test";
import { containerIdOf } from "../../../src/capture/container.ts";

const A = "3f4c9a1e5b7d8260".repeat(4);
const B = "0123456789abcdef".repeat(4);
const POD = "pod1b2c3d4e_0f1a_4b2c_8d3e_4f5a6b7c8d9e";

test.each([
  ["docker, cgroupfs", `/docker/${A}`, A],
  ["docker, systemd", `/system.slice/docker-${A}.scope`, A],
  ["docker, a cgroup inside", `/system.slice/docker-${A}.scope/init.scope`, A],
  [
    "docker, rootless",
    `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${A}.scope`,
    A,
  ],
  ["docker, seen from another cgroup namespace", `/../../system.slice/docker-${A}.scope`, A],
  [
    "containerd, kubernetes by systemd",
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-${POD}.slice/cri-containerd-${A}.scope`,
    A,
  ],
  ["containerd, kubernetes by cgroupfs", `/kubepods/besteffort/${POD}/${A}`, A],
  ["nerdctl", `/system.slice/nerdctl-${A}.scope`, A],
  ["containerd in a namespace of its own", `/default/${A}`, A],
  ["CRI-O", `/kubepods.slice/kubepods-${POD}.slice/crio-${A}.scope`, A],
  ["CRI-O, a cgroup inside", `/kubepods.slice/kubepods-${POD}.slice/crio-${A}.scope/container`, A],
  ["podman", `/machine.slice/libpod-${A}.scope/container`, A],
  [
    "podman, rootless",
    `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope/container`,
    A,
  ],
  [
    "podman, in a pod",
    `/machine.slice/machine-libpod_pod_${B}.slice/libpod-${A}.scope/container`,
    A,
  ],
  ["Amazon ECS", `/ecs/8a1f2c3d-4e5f-6071-8293-a4b5c6d7e8f9/${A}`, A],
  ["docker in docker", `/docker/${B}/docker/${A}`, A],
  [
    "kubernetes in docker",
    `/system.slice/docker-${B}.scope/kubelet.slice/kubelet-kubepods.slice/cri-containerd-${A}.scope`,
    A,
  ],
  ["docker in LXC", `/lxc.payload.web/system.slice/docker-${A}.scope`, A],
  ["LXC, cgroup v1", "/lxc/web", "web"],
  ["LXC, a service inside", "/lxc/web/system.slice/cron.service", "web"],
  ["LXC on Proxmox", "/lxc/101/ns/system.slice/ssh.service", "101"],
  ["LXC 4 and later", "/lxc.payload.web-1", "web-1"],
  ["LXC, a service inside", "/lxc.payload.web-1/system.slice/cron.service", "web-1"],
  ["Incus", "/lxc.payload/web", "web"],
  ["systemd-nspawn", "/machine.slice/machine-debian.scope/payload", "debian"],
  ["systemd-nspawn, the machine itself", "/machine.slice/machine-debian.scope", "debian"],
])("containerIdOf names the container of %s: %p", (_, path, id) => {
  expect(containerIdOf(path)).toBe(id);
});

test.each([
  ["nothing", undefined],
  ["an empty path", ""],
  ["the root", "/"],
  ["a login", "/user.slice/user-1000.slice/session-2.scope"],
  ["the docker daemon", "/system.slice/docker.service"],
  ["the monitor of an LXC container, which is outside of it", "/lxc.monitor.web"],
  ["a pod's own cgroup", `/kubepods/besteffort/${POD}`],
  ["63 digits", `/docker/${A.slice(1)}`],
  ["65 digits", `/docker/0${A}`],
  ["digits that are no hexadecimal", `/docker/${"g".repeat(64)}`],
  ["an id that is only part of a name", `/system.slice/run-${A}x.service`],
  ["an application's scope", "/user.slice/user@1000.service/app.slice/app-gnome-code-4711.scope"],
])("containerIdOf finds no container in %s", (_, path) => {
  expect(containerIdOf(path)).toBeUndefined();
});

test("containerIdOf: an id directly below another's is the innermost one", () => {
  expect(containerIdOf(`/docker/${B}/${A}`)).toBe(A);
});

test("containerIdOf reads containerd's cgroup where runc makes it without systemd", () => {
  const path = `/system.slice/containerd.service/kubepods-${POD}.slice:cri-containerd:${A}`;
  expect(containerIdOf(path)).toBe(A);
});

test("containerIdOf names a machine that runs as systemd-nspawn@NAME.service", () => {
  expect(containerIdOf("/machine.slice/systemd-nspawn@debian.service/payload")).toBe("debian");
});

test("containerIdOf undoes systemd's escapes in a machine's name", () => {
  expect(containerIdOf("/machine.slice/machine-my\\x2dhost.scope/payload")).toBe("my-host");
});
