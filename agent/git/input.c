/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading request bodies.
 */
#include "agent/git/input.h"

#include <errno.h>
#include <poll.h>

#include "lib/sys/fd.h"

int input_init(struct input *in, int fd, bool is_gzip, unsigned stall_ms)
{
	*in = (struct input){
		.fd = fd, .is_gzip = is_gzip, .stall_ms = stall_ms, .raw = BUF_INIT(INPUT_CHUNK)};
	/* 16: a gzip header, and nothing else. */
	return !is_gzip || inflateInit2(&in->z, 16 + MAX_WBITS) == Z_OK ? 0 : -ENOMEM;
}

void input_free(struct input *in)
{
	if (in->is_gzip)
		(void)inflateEnd(&in->z);
	buf_free(&in->raw);
}

static ssize_t read_raw(struct input *in, struct buf *to, struct err *err)
{
	struct pollfd p = {.fd = in->fd, .events = POLLIN};
	int r;

	do
		r = poll(&p, 1, (int)in->stall_ms);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return err_set(err, ETIMEDOUT, "the client sent nothing for %u seconds",
			in->stall_ms / 1000);
	ssize_t n = fd_read(in->fd, to, INPUT_CHUNK);
	if (n == -ENOBUFS)
		return err_set(err, ENOBUFS, "the request is too large");
	return n < 0 ? err_errno(err, (int)-n, "cannot read the request") : n;
}

static ssize_t inflate_some(struct input *in, struct buf *to, struct err *err)
{
	size_t room = buf_room(to) < INPUT_CHUNK ? buf_room(to) : INPUT_CHUNK;
	char *at = room > 0 ? buf_reserve(to, room) : NULL;

	if (!at)
		return err_set(err, ENOBUFS, "the request is too large");
	in->z.next_in = (unsigned char *)buf_data(&in->raw);
	in->z.avail_in = (unsigned)buf_len(&in->raw);
	in->z.next_out = (unsigned char *)at;
	in->z.avail_out = (unsigned)room;
	int z = inflate(&in->z, Z_NO_FLUSH);
	buf_consume(&in->raw, buf_len(&in->raw) - in->z.avail_in);
	buf_commit(to, room - in->z.avail_out);
	if (z == Z_STREAM_END)
		in->is_end = true;
	else if (z != Z_OK && z != Z_BUF_ERROR)
		return err_set(err, EBADMSG, "the request is not valid gzip data");
	return (ssize_t)(room - in->z.avail_out);
}

ssize_t input_read(struct input *in, struct buf *to, struct err *err)
{
	ssize_t n = 0;

	if (in->is_end)
		return 0;
	if (!in->is_gzip) {
		n = read_raw(in, to, err);
		in->is_end = n == 0;
		return n;
	}
	do {
		if (buf_len(&in->raw) > 0 && (n = inflate_some(in, to, err)) != 0)
			return n;
		if (in->is_end)
			return 0;
		n = read_raw(in, &in->raw, err);
	} while (n > 0);
	return n < 0 ? n : err_set(err, EBADMSG, "the gzip data of the request ends early");
}

void input_drain(struct input *in, uint64_t max)
{
	_cleanup_buf_ struct buf waste = BUF_INIT(INPUT_CHUNK);
	uint64_t total = 0;

	while (!in->is_end && total < max) {
		ssize_t n = read_raw(in, &waste, NULL);
		if (n <= 0)
			return;
		total += (uint64_t)n;
		buf_clear(&waste);
	}
}
