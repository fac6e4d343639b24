/* SPDX-License-Identifier: Apache-2.0
 *
 * struct input: a request body on a descriptor, inflated when it came with Content-Encoding gzip.
 * Every read has a deadline: a client that stops sending does not keep us.
 */
#ifndef BERTH_AGENT_GIT_INPUT_H
#define BERTH_AGENT_GIT_INPUT_H

#include <stdbool.h>
#include <zlib.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define INPUT_CHUNK 262144u

struct input {
	int fd;
	bool is_gzip, is_end;
	unsigned stall_ms; /* how long nothing may come */
	struct buf raw; /* compressed bytes not yet inflated */
	z_stream z;
};

int input_init(struct input *in, int fd, bool is_gzip, unsigned stall_ms);
void input_free(struct input *in);

/* Appends up to INPUT_CHUNK bytes to `to`: the count, 0 at the end, -ETIMEDOUT, -EBADMSG (bad gzip
 * data), -ENOBUFS when `to` is full; with words. */
ssize_t input_read(struct input *in, struct buf *to, struct err *err);

/* Reads and forgets what is left of the body, at most `max` bytes of it, so that a client which is
 * still sending gets to our answer. */
void input_drain(struct input *in, uint64_t max);

#endif
