/* SPDX-License-Identifier: Apache-2.0
 *
 * pkt-lines: git's framing (gitprotocol-common(5)). Four hexadecimal digits of length, themselves
 * included; "0000" is the flush packet. Pure.
 */
#ifndef BERTH_AGENT_GIT_PKT_H
#define BERTH_AGENT_GIT_PKT_H

#include "lib/base/buf.h"
#include "lib/base/str.h"

#define PKT_MAX 65520 /* LARGE_PACKET_MAX: bytes of a packet with its length */
#define PKT_PAYLOAD_MAX (PKT_MAX - 4)

enum pkt_kind { PKT_DATA, PKT_FLUSH };

/* Reads one packet at the front of `in`. Bytes taken, 0 when more are needed, -EBADMSG. */
ssize_t pkt_read(struct str in, enum pkt_kind *ret_kind, struct str *ret_payload);

/* Append: 0 or -ENOBUFS. */
int pkt_write(struct buf *to, const void *payload, size_t len) WARN_UNUSED;
int pkt_printf(struct buf *to, const char *fmt, ...) PRINTF_LIKE(2, 3) WARN_UNUSED;
int pkt_flush(struct buf *to) WARN_UNUSED;

/* The bytes as packets of side-band-64k on `band`, as many as it takes. */
int pkt_sideband(struct buf *to, unsigned char band, const void *data, size_t len) WARN_UNUSED;

#endif
