/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of receive-pack: gitprotocol-pack(5), "Report Status".
 */
#include "agent/git/reply.h"

#include <stdio.h>

#include "agent/git/pkt.h"
#include "agent/git/text.h"
#include "lib/base/clock.h"
#include "lib/sys/fd.h"

#define LINE_MAX_BYTES 16384
#define REPORT_MAX (1u << 20)

void reply_init(struct reply *r, int fd, const struct commands *c)
{
	*r = (struct reply){
		.fd = fd,
		.has_side_band = c->has_side_band,
		.has_report_status = c->has_report_status,
		.last_write_ms = clock_monotonic_ms(),
	};
}

static void send_bytes(struct reply *r, const struct buf *b)
{
	if (!r->is_client_gone && fd_write_all(r->fd, buf_data(b), buf_len(b)) < 0)
		r->is_client_gone = true;
	r->last_write_ms = clock_monotonic_ms();
}

void reply_text(struct reply *r, const char *prefix, struct str text)
{
	char clean[LINE_MAX_BYTES];
	_cleanup_buf_ struct buf line = BUF_INIT(2 * LINE_MAX_BYTES);
	_cleanup_buf_ struct buf packet = BUF_INIT(3 * LINE_MAX_BYTES);

	if (!r->has_side_band)
		return;
	(void)text_clean(text, clean, sizeof clean);
	if (buf_puts(&line, prefix) == 0 && buf_puts(&line, clean) == 0 &&
		buf_puts(&line, "\n") == 0 &&
		pkt_sideband(&packet, 2, buf_data(&line), buf_len(&line)) == 0)
		send_bytes(r, &packet);
}

void reply_line(struct reply *r, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	reply_text(r, "", str_from(line));
}

void reply_keepalive(struct reply *r)
{
	_cleanup_buf_ struct buf packet = BUF_INIT(16);

	if (!r->has_side_band || clock_monotonic_ms() - r->last_write_ms < REPLY_KEEPALIVE_MS)
		return;
	if (pkt_sideband(&packet, 1, NULL, 0) == 0)
		send_bytes(r, &packet);
}

/* One line: the protocol has no other place for words. */
static int write_status(struct buf *to, const struct command *cmd)
{
	char clean[ERR_MSG_MAX];

	if (cmd->problem[0] == '\0')
		return pkt_printf(to, "ok %s\n", cmd->ref);
	(void)text_clean(str_from(cmd->problem), clean, sizeof clean);
	return pkt_printf(to, "ng %s %s\n", cmd->ref, clean);
}

void reply_report(struct reply *r, const struct commands *c)
{
	_cleanup_buf_ struct buf report = BUF_INIT(REPORT_MAX);
	_cleanup_buf_ struct buf packet = BUF_INIT(REPORT_MAX + 65536);
	int e = 0;

	if (r->has_report_status) {
		e = pkt_printf(&report, "unpack ok\n");
		for (size_t i = 0; e == 0 && i < c->count; i++)
			e = write_status(&report, &c->list[i]);
		if (e == 0)
			e = pkt_flush(&report);
	}
	must(e == 0);
	if (r->has_side_band) {
		if (buf_len(&report) > 0)
			e = pkt_sideband(&packet, 1, buf_data(&report), buf_len(&report));
		must(e == 0 && pkt_flush(&packet) == 0);
	}
	send_bytes(r, r->has_side_band ? &packet : &report);
}
