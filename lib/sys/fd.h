/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads and writes that deal with EINTR and short counts. Every descriptor in the project is
 * opened with CLOEXEC; what a child may have is handed to it by name (lib/sys/proc.h).
 */
#ifndef BERTH_SYS_FD_H
#define BERTH_SYS_FD_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

int fd_set_nonblocking(int fd);

/* Writes all n bytes to a blocking descriptor; 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t n);

/* Reads until end of file into b; -ENOBUFS when the file is longer than the buffer's maximum. */
int fd_read_all(int fd, struct buf *b);

/* One read(2) of up to n bytes into b. Returns the count, 0 at end of file, -EAGAIN when nothing
 * is there, -ENOBUFS when b is full, or another -errno. */
ssize_t fd_read(int fd, struct buf *b, size_t n);

/* One write(2) from the front of b, consuming what was taken. Count, or -errno. */
ssize_t fd_write(int fd, struct buf *b);

#endif
