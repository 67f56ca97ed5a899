/** What the kernel's type information says that it has. */
import { readFileSync } from "node:fs";

const BTF = "/sys/kernel/btf/vmlinux";

/** The link type is in the kernel's type information since 6.6, which has it. */
export function hasUprobeMulti(): boolean {
  return readFileSync(BTF).includes("bpf_uprobe_multi_link");
}
