/* SPDX-License-Identifier: Apache-2.0 */
/*
 * least [LIBRARY OFFSET...]
 * The least that listening could cost: a program that does nothing, where the tracepoint front end has its own, at the exit
 * of system calls; and at the begin and the return of the functions that are at these bytes of a library. Says "listening"
 * on stderr, and ends at SIGINT.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static long must(long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "least: %s: %s\n", what, strerror(errno));
		exit(1);
	}
	return result;
}

static int load(enum bpf_prog_type type)
{
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (uintptr_t)nothing,
		.insn_cnt = sizeof nothing / sizeof *nothing,
		.license = (uintptr_t)"GPL",
	};

	return (int)must(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr), "loading a program");
}

/* The number by which perf events know uprobes. */
static uint32_t uprobe_type(void)
{
	FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	uint32_t type = 0;

	if (!file || fscanf(file, "%u", &type) != 1)
		must(-1, "looking up uprobes");
	fclose(file);
	return type;
}

/* Bit 0 of `config`: at the function's return. Source: kernel/events/core.c. */
static void probe(int program, const char *library, uint64_t offset, uint64_t at_return)
{
	struct perf_event_attr attr = {
		.size = sizeof attr,
		.type = uprobe_type(),
		.config = at_return,
		.uprobe_path = (uintptr_t)library,
		.probe_offset = offset,
	};
	int event = (int)must(syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC), library);

	must(ioctl(event, PERF_EVENT_IOC_SET_BPF, program), "attaching a program");
	must(ioctl(event, PERF_EVENT_IOC_ENABLE, 0), "attaching a program");
}

static void stop(int signal)
{
	(void)signal;
	_exit(0);
}

int main(int argc, char **argv)
{
	union bpf_attr attach = { .raw_tracepoint.name = (uintptr_t)"sys_exit" };

	attach.raw_tracepoint.prog_fd = (uint32_t)load(BPF_PROG_TYPE_RAW_TRACEPOINT);
	must(syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attach, sizeof attach), "attaching a program");
	if (argc > 2) {
		int program = load(BPF_PROG_TYPE_KPROBE);

		for (int i = 2; i < argc; i++) {
			uint64_t offset = strtoull(argv[i], NULL, 10);

			probe(program, argv[1], offset, 0);
			probe(program, argv[1], offset, 1);
		}
	}
	signal(SIGINT, stop);
	fputs("listening\n", stderr);
	for (;;)
		pause();
}
