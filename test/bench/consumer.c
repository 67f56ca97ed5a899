/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference: what a C program costs that drains the same ring, filled by the same kernel object. It copies each
 * payload of load.c out, counts its lines, and writes the bytes to stdout. No JSON, no sessions.
 *
 *   consumer OBJECT fexit|tracepoint
 *
 * Says "listening" on stderr; at SIGINT drains and says what it counted, as one JSON object, on stderr.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "event.h"

#define OUT_ROOM (1u << 20)

static volatile sig_atomic_t stopping;
static uint64_t messages, payload_bytes;
static char *out;
static size_t out_used;

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "consumer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
}

static void flush(void)
{
	for (size_t done = 0; done < out_used;) {
		ssize_t n = write(1, out + done, out_used - done);
		if (n < 0)
			die("write");
		done += (size_t)n;
	}
	out_used = 0;
}

static int on_record(void *context, void *record, size_t size)
{
	const struct io_event *event = record;
	const char *payload = (const char *)(event + 1);

	(void)context;
	(void)size;
	if (event->kind != EVENT_DATA || !event->cap_len || strcmp(event->comm, "load"))
		return 0;
	if (out_used + event->cap_len > OUT_ROOM)
		flush();
	memcpy(out + out_used, payload, event->cap_len);
	out_used += event->cap_len;
	payload_bytes += event->cap_len;
	const char *end = payload + event->cap_len;
	for (const char *at = payload; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		messages++;
	return 0;
}

/* Where a global of the BPF programs lies, by the BTF of its section (".rodata" before load, ".bss" after). */
static void *variable(struct bpf_object *object, const char *section, const char *name)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC);
	const struct btf_type *type = btf__type_by_id(btf, id < 0 ? 0 : (uint32_t)id);
	struct bpf_map *map;
	size_t size;

	bpf_object__for_each_map(map, object) {
		if (!strstr(bpf_map__name(map), section))
			continue;
		const struct btf_var_secinfo *info = btf_var_secinfos(type);
		for (int i = 0; i < btf_vlen(type); i++) {
			const struct btf_type *var = btf__type_by_id(btf, info[i].type);
			if (!strcmp(btf__name_by_offset(btf, var->name_off), name))
				return (char *)bpf_map__initial_value(map, &size) + info[i].offset;
		}
	}
	errno = ENOENT;
	die(name);
	return NULL;
}

static void enable(struct bpf_object *object, const char *name, const char *target)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (!program)
		die(name);
	if (target && bpf_program__set_attach_target(program, 0, target))
		die(target);
	bpf_program__set_autoload(program, true);
}

static bool kernel_has(const char *function)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = btf && btf__find_by_name_kind(btf, function, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return found;
}

static struct bpf_object *load(const char *path, bool fexit)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_program *program;

	if (!object)
		die(path);
	*(uint32_t *)variable(object, ".rodata", "own_tgid") = (uint32_t)getpid();
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, false);
	if (fexit) {
		bool anon = kernel_has("anon_pipe_read"); /* its name since 6.16 */
		enable(object, "pipe_read_first", anon ? "anon_pipe_read" : "pipe_read");
		enable(object, "pipe_write_first", anon ? "anon_pipe_write" : "pipe_write");
		enable(object, "unix_recv_first", "unix_stream_recvmsg");
		enable(object, "unix_send_first", "unix_stream_sendmsg");
	} else {
		enable(object, "exit_first", NULL);
	}
	if (bpf_object__load(object))
		die("load");
	bpf_object__for_each_program(program, object)
		if (bpf_program__autoload(program) && !bpf_program__attach(program))
			die(bpf_program__name(program));
	return object;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	libbpf_set_print(quiet);
	signal(SIGINT, stop);
	out = malloc(OUT_ROOM);
	struct bpf_object *object = load(argv[1], !strcmp(argv[2], "fexit"));
	uint32_t *sleeps = variable(object, ".bss", "consumer_sleeps");
	uint64_t *ring_full = variable(object, ".bss", "ring_full_count");
	struct ring_buffer *ring =
		ring_buffer__new(bpf_object__find_map_fd_by_name(object, "ring"), on_record, NULL, NULL);
	if (!ring)
		die("ring");
	fprintf(stderr, "listening\n");
	while (!stopping) {
		int n = ring_buffer__consume(ring);
		if (n < 0)
			die("consume");
		if (n)
			continue;
		flush();
		__atomic_store_n(sleeps, 1, __ATOMIC_SEQ_CST);
		ring_buffer__poll(ring, 100);
	}
	ring_buffer__consume(ring);
	flush();
	fprintf(stderr, "{\"messages\":%lu,\"bytes\":%lu,\"lost\":%lu}\n", messages, payload_bytes,
		__atomic_load_n(ring_full, __ATOMIC_RELAXED));
	return 0;
}
