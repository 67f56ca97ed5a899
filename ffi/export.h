/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OVERHEAR_EXPORT_H
#define OVERHEAR_EXPORT_H

/* A function that ffi/shim.ts calls; all others stay inside the library. */
#define EXPORT __attribute__((visibility("default")))

#endif
