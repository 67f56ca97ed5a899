/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: options. Out: a conversation between processes of its own, its truth in LOG_DIR, and on stdout one JSON
 * object per line: {"state":"started"}, {"state":"holding"} (with --hold: send SIGUSR1 to go on), {"state":"done"}.
 * Exit code: 0, 1 failed, 77 this kernel lacks a call.
 */
#include "traffic.h"
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct options opt = { .channel = "pipe", .write = "write", .read = "read", .pass = "inherit", .tag = "t",
		       .messages = 10, .size = 200, .batch = 1, .split = 1, .writers = 1, .read_size = 65536 };
struct shared *shared;

void die(const char *what)
{
	int e = errno;
	fprintf(stderr, "traffic[%d]: %s: %s\n", getpid(), what, strerror(e));
	_exit(e == ENOSYS || e == EOPNOTSUPP ? EXIT_UNSUPPORTED : 1);
}

static long futex(uint32_t *number, int op, uint32_t value)
{
	return syscall(SYS_futex, number, op, value, NULL, NULL, 0);
}

void announce(uint32_t *number)
{
	__atomic_add_fetch(number, 1, __ATOMIC_ACQ_REL);
	futex(number, FUTEX_WAKE, INT_MAX);
}

void wait_for(uint32_t *number, uint32_t at_least)
{
	uint32_t seen;
	while ((seen = __atomic_load_n(number, __ATOMIC_ACQUIRE)) < at_least)
		futex(number, FUTEX_WAIT, seen);
}

static enum hold parse_hold(const char *name)
{
	static const char *const names[] = { "none", "reader", "running", "writer", "half" };
	for (int i = 0; i < 5; i++)
		if (!strcmp(name, names[i]))
			return (enum hold)i;
	fprintf(stderr, "traffic: unknown --hold %s\n", name);
	exit(2);
}

static void parse_options(int argc, char **argv)
{
	struct named {
		const char *name;
		long *number;
		const char **word;
		bool *flag;
	};
	static const struct named all[] = {
		{ "channel", .word = &opt.channel }, { "write", .word = &opt.write }, { "read", .word = &opt.read },
		{ "fd", .word = &opt.pass }, { "log", .word = &opt.log_dir }, { "rename", .word = &opt.rename }, { "http", .word = &opt.http },
		{ "listen", .word = &opt.listen }, { "connect", .word = &opt.connect }, { "client-netns", .word = &opt.client_netns }, { "tag", .word = &opt.tag },
		{ "messages", .number = &opt.messages }, { "size", .number = &opt.size }, { "answer-size", .number = &opt.answer_size },
		{ "batch", .number = &opt.batch }, { "split", .number = &opt.split }, { "threads", .number = &opt.threads }, { "writers", .number = &opt.writers },
		{ "unread", .number = &opt.unread }, { "rate", .number = &opt.rate }, { "first-id", .number = &opt.first_id },
		{ "read-size", .number = &opt.read_size }, { "pipe-size", .number = &opt.pipe_size }, { "preamble", .number = &opt.preamble },
		{ "endless", .number = &opt.endless }, { "hold-after", .number = &opt.hold_after },
		{ "size-after", .number = &opt.size_after }, { "buffers", .number = &opt.buffers }, { "port", .number = &opt.port },
		{ "nonblock", .flag = &opt.nonblock }, { "peek", .flag = &opt.peek },
		{ "empty-reads", .flag = &opt.empty_reads },
		{ "writer-gone", .flag = &opt.writer_gone }, { "late-reader", .flag = &opt.late_reader },
		{ "crlf", .flag = &opt.crlf }, { "noise", .flag = &opt.noise }, { "no-answers", .flag = &opt.no_answers },
		{ "unfinished", .flag = &opt.unfinished }, { "serve", .flag = &opt.serve },
		{ "deaf", .flag = &opt.deaf }, { "leader-gone", .flag = &opt.leader_gone },
	};
	enum { COUNT = sizeof all / sizeof *all };
	struct option table[COUNT + 2] = { 0 };
	for (int i = 0; i < COUNT; i++)
		table[i] = (struct option){ all[i].name, all[i].flag ? no_argument : required_argument, NULL, i };
	table[COUNT] = (struct option){ "hold", required_argument, NULL, COUNT };
	for (int i; (i = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		if (i == '?')
			exit(2);
		if (i == COUNT)
			opt.hold = parse_hold(optarg);
		else if (all[i].flag)
			*all[i].flag = true;
		else if (all[i].number)
			*all[i].number = atol(optarg);
		else
			*all[i].word = optarg;
	}
	if (!opt.log_dir) {
		fprintf(stderr, "traffic: --log DIRECTORY is needed\n");
		exit(2);
	}
	if (optind < argc)
		opt.command = argv + optind;
	if (!opt.answer_size)
		opt.answer_size = opt.size;
	if (opt.writer_gone || opt.deaf)
		opt.no_answers = true;
	if (opt.buffers > 1024)
		opt.buffers = 1024;
}

struct task {
	int (*side)(long);
	long argument;
};

static void *do_task(void *task)
{
	struct task *t = task;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	exit(t->side(t->argument));
}

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static pid_t spawn(int (*side)(long), long argument)
{
	static struct task task;
	pthread_t thread;
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		task = (struct task){ side, argument };
		if (!opt.leader_gone)
			do_task(&task);
		if (pthread_create(&thread, NULL, do_task, &task) || pthread_create(&thread, NULL, idle, NULL))
			die("pthread_create");
		pthread_exit(NULL);
	}
	return pid;
}

static int client_side(long writer)
{
	if (opt.rename && prctl(PR_SET_NAME, opt.rename))
		die("prctl");
	return talk_client(take_client_ends(), writer);
}

static int server_side(long unused)
{
	(void)unused;
	struct ends ends = take_server_ends();
	if (!opt.command)
		return talk_server(ends);
	if (dup2(ends.in, 0) < 0 || dup2(ends.out, 1) < 0)
		die("dup2");
	execvp(opt.command[0], opt.command);
	die(opt.command[0]);
}

/* Of a thread: S sleeps, Z has ended. */
static char state_of(pid_t pid, pid_t tid)
{
	char path[64], text[512] = { 0 };
	snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
	FILE *f = fopen(path, "r");
	if (!f)
		return '?';
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	char *end = n ? strrchr(text, ')') : NULL;
	return end ? end[2] : '?';
}

/* All its threads do, but for a first one that has ended. */
static bool sleeps(pid_t pid)
{
	char path[64];
	bool all = true;
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *threads = opendir(path);
	if (!threads)
		return false;
	for (struct dirent *each; (each = readdir(threads));) {
		pid_t tid = atoi(each->d_name);
		if (tid > 0)
			all &= state_of(pid, tid) == (opt.leader_gone && tid == pid ? 'Z' : 'S');
	}
	closedir(threads);
	return all;
}

/* Both sleep: in the call that --hold names, since each has said that it goes there. */
static void wait_until_held(pid_t client, pid_t server)
{
	wait_for(&shared->waiting, 1);
	for (int quiet = 0; quiet < 5; usleep(1000))
		quiet = sleeps(client) && sleeps(server) ? quiet + 1 : 0;
	printf("{\"state\":\"holding\",\"client\":%d,\"server\":%d}\n", client, server);
	fflush(stdout);
}

static void go(int unused)
{
	(void)unused;
	announce(&shared->go);
}

static int exit_code(pid_t pid, int worst)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return worst ? worst : code;
}

static int run(void)
{
	pid_t clients[opt.writers], server = 0;
	int code = 0;
	make_channel();
	if (!opt.late_reader && !opt.writer_gone)
		server = spawn(server_side, 0);
	for (long i = 0; i < opt.writers; i++)
		clients[i] = spawn(client_side, i);
	pass_ends();
	if (opt.late_reader)
		wait_for(&shared->client_wrote, 1);
	if (opt.writer_gone)
		code = exit_code(clients[0], 0);
	if (!server)
		server = spawn(server_side, 0);
	close_channel();
	printf("{\"state\":\"started\",\"client\":%d,\"server\":%d}\n", clients[0], server);
	fflush(stdout);
	if (opt.hold)
		wait_until_held(clients[0], server);
	for (long i = opt.writer_gone ? 1 : 0; i < opt.writers; i++)
		code = exit_code(clients[i], code);
	if (code)
		kill(server, SIGKILL); /* it would wait for ever */
	code = exit_code(server, code);
	remove_channel();
	printf("{\"state\":\"done\",\"code\":%d}\n", code);
	return code;
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	pthread_mutexattr_t between_processes;
	pthread_mutexattr_init(&between_processes);
	pthread_mutexattr_setpshared(&between_processes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->writing, &between_processes);
	shared->go = opt.hold == HOLD_NONE;
	struct sigaction action = { .sa_handler = go };
	sigaction(SIGUSR1, &action, NULL);
	return opt.serve ? talk_server((struct ends){ 0, 1 }) : run();
}
