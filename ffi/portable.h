/* SPDX-License-Identifier: Apache-2.0
 *
 * Included before the shim by scripts/build-bpf.sh: glibc 2.34 moved the thread functions into libc.so under
 * a new version; their first version is there on every system, and the same.
 */
#ifdef __x86_64__
#define OVERHEAR_FIRST_GLIBC "GLIBC_2.2.5"
#else
#define OVERHEAR_FIRST_GLIBC "GLIBC_2.17"
#endif

#define OVERHEAR_FIRST_VERSION(function) __asm__(".symver " #function "," #function "@" OVERHEAR_FIRST_GLIBC)

OVERHEAR_FIRST_VERSION(pthread_create);
OVERHEAR_FIRST_VERSION(pthread_detach);
OVERHEAR_FIRST_VERSION(pthread_join);
OVERHEAR_FIRST_VERSION(pthread_kill);
OVERHEAR_FIRST_VERSION(pthread_sigmask);
