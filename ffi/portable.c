/* SPDX-License-Identifier: Apache-2.0
 *
 * What Debian's static libelf and libbpf lack to live in a shared library that old systems can load.
 * Linked by scripts/build-bpf.sh, which also renames the system calls below in those archives.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libelf's own elf_error.o addresses its thread-local error in a way that only a main program may (local
 * exec). libbpf passes the text on in warnings, so the number is enough.
 */
static __thread int elf_last_error;

void __libelf_seterrno(int value);
int elf_errno(void);
const char *elf_errmsg(int error);

void __libelf_seterrno(int value)
{
	elf_last_error = value;
}

int elf_errno(void)
{
	int error = elf_last_error;

	elf_last_error = 0;
	return error;
}

const char *elf_errmsg(int error)
{
	return error == 0 && elf_last_error == 0 ? "no error" : "malformed or unreadable ELF";
}

/* Since glibc 2.33 (stat) and 2.28 (fcntl64) these are new symbols, which an older glibc does not have. On
 * x86-64 and arm64 the kernel's struct stat is glibc's, so the system calls serve.
 */
int portable_fstat(int fd, struct stat *st);
int portable_stat(const char *path, struct stat *st);
int portable_fcntl(int fd, int command, ...);
int portable_fcntl64(int fd, int command, ...) __attribute__((alias("portable_fcntl")));

int portable_fstat(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}

int portable_stat(const char *path, struct stat *st)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, path, st, 0);
}

int portable_fcntl(int fd, int command, ...)
{
	va_list arguments;
	long argument;

	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	return (int)syscall(SYS_fcntl, fd, command, argument);
}
