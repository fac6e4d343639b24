/* SPDX-License-Identifier: Apache-2.0
 *
 * pkt-lines.
 */
#include "agent/git/pkt.h"

#include <errno.h>

#include "lib/base/parse.h"

ssize_t pkt_read(struct str in, enum pkt_kind *ret_kind, struct str *ret_payload)
{
	size_t len = 0;

	for (size_t i = 0; i < 4; i++) {
		if (i == in.len)
			return 0;
		int digit = parse_hex_digit(in.p[i]);
		if (digit < 0)
			return -EBADMSG;
		len = len << 4 | (size_t)digit;
	}
	if (len == 0) {
		*ret_kind = PKT_FLUSH;
		*ret_payload = (struct str){in.p, 0};
		return 4;
	}
	/* 1 to 3 are protocol v2's; receive-pack has none of them. */
	if (len < 4 || len > PKT_MAX)
		return -EBADMSG;
	if (in.len < len)
		return 0;
	*ret_kind = PKT_DATA;
	*ret_payload = (struct str){in.p + 4, len - 4};
	return (ssize_t)len;
}

static int write_packet(struct buf *to, struct str prefix, const void *payload, size_t len)
{
	size_t total = 4 + prefix.len + len;
	char digits[5];

	must(total <= PKT_MAX);
	(void)snprintf(digits, sizeof digits, "%04zx", total);
	char *at = buf_reserve(to, total);
	if (!at)
		return -ENOBUFS;
	memcpy(at, digits, 4);
	if (prefix.len > 0)
		memcpy(at + 4, prefix.p, prefix.len);
	if (len > 0)
		memcpy(at + 4 + prefix.len, payload, len);
	buf_commit(to, total);
	return 0;
}

int pkt_write(struct buf *to, const void *payload, size_t len)
{
	return write_packet(to, (struct str){NULL, 0}, payload, len);
}

int pkt_printf(struct buf *to, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT(PKT_PAYLOAD_MAX);
	char *room = buf_reserve(&text, 2048);
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(room, 2048, fmt, ap);
	va_end(ap);
	must(n >= 0 && n < 2048);
	return pkt_write(to, room, (size_t)n);
}

int pkt_flush(struct buf *to)
{
	return buf_puts(to, "0000");
}

int pkt_sideband(struct buf *to, unsigned char band, const void *data, size_t len)
{
	const char *p = data;
	const char prefix = (char)band;

	do {
		size_t n = len < PKT_PAYLOAD_MAX - 1 ? len : PKT_PAYLOAD_MAX - 1;
		int r = write_packet(to, (struct str){&prefix, 1}, p, n);
		if (r < 0)
			return r;
		p = n > 0 ? p + n : p;
		len -= n;
	} while (len > 0);
	return 0;
}
