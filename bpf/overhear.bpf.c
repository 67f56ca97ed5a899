/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The one object that is embedded: both front ends, processes, the scan, and
 * what user space runs. Which programs are loaded is
 * decided by user space, after probing.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "syscall-exit.bpf.c"
#include "fexit.bpf.c"
#include "connect.bpf.c"
#include "process.bpf.c"
#include "scan.bpf.c"
#include "forget.bpf.c"

/* Read-only helpers for the kernel's memory are GPL-only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
