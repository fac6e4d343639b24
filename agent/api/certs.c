/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of all hosts: what they are, when they are renewed, why they could not be.
 */
#include <errno.h>

#include "agent/api/endpoints.h"
#include "agent/api/server.h"
#include "agent/edge/edge.h"
#include "lib/base/clock.h"

static json_t *time_or_null(int64_t ms)
{
	char text[CLOCK_RFC3339_SIZE];

	if (ms <= 0)
		return json_null();
	clock_format_rfc3339(ms, text);
	return json_string(text);
}

static void on_certificate(void *data, const struct edge_certificate *c)
{
	json_t *list = data;
	json_t *o = json_pack("{s:s,s:s?,s:o,s:o,s:b,s:o,s:s?}", "host", c->host, "issuer",
		c->issuer, "expires", time_or_null(c->expires_ms), "renewal",
		time_or_null(c->renewal_ms), "ordering", (int)c->is_ordering, "retry",
		time_or_null(c->retry_ms), "error", c->error[0] ? c->error : NULL);

	must(o && json_array_append_new(list, o) == 0);
}

void handle_certificate_list(struct exchange *x)
{
	json_t *list = json_array();
	struct err err;

	if (edge_certificates(x->api->config->edge, on_certificate, list, &err) < 0) {
		json_decref(list);
		reply_err(x, &err);
		return;
	}
	reply_json(x, 200, json_pack("{s:o}", "certs", list));
}

void handle_certificate_renew(struct exchange *x)
{
	const char *host = x->params.values[0];
	struct err err;
	int r = edge_renew(x->api->config->edge, host, &err);

	if (r == -ENOENT)
		reply_error(
			x, REPLY_NOT_FOUND, "see what there is with: berth certs", "%s", err.msg);
	else if (r == -EBUSY)
		reply_error(x, REPLY_TOO_MANY, NULL, "%s", err.msg);
	else if (r < 0)
		reply_err(x, &err);
	else
		reply_json(x, r == 1 ? 200 : 202,
			json_pack("{s:s,s:b}", "host", host, "ordering", r == 0));
}
