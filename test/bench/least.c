/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that the tracepoint front end could cost: a program that does nothing, at the exit of system calls. Says
 * "listening" on stderr, and ends at SIGINT.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int command, union bpf_attr *attr)
{
	long result = syscall(SYS_bpf, command, attr, sizeof *attr);

	if (result < 0) {
		fprintf(stderr, "least: %s\n", strerror(errno));
		exit(1);
	}
	return result;
}

static void stop(int signal)
{
	(void)signal;
	_exit(0);
}

int main(void)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (uintptr_t)nothing,
		.insn_cnt = sizeof nothing / sizeof *nothing,
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr attach = { .raw_tracepoint.name = (uintptr_t)"sys_exit" };

	attach.raw_tracepoint.prog_fd = (uint32_t)bpf(BPF_PROG_LOAD, &load);
	bpf(BPF_RAW_TRACEPOINT_OPEN, &attach);
	signal(SIGINT, stop);
	fputs("listening\n", stderr);
	for (;;)
		pause();
}
