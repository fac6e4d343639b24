/* SPDX-License-Identifier: Apache-2.0
 *
 * struct acme_http: requests to a CA, one after the other, over libcurl: https only, no redirects,
 * bounded in time and size. Knows no ACME but which fields matter.
 */
#ifndef BERTH_ACME_HTTP_H
#define BERTH_ACME_HTTP_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct acme_http;

struct acme_answer {
	unsigned status;
	char nonce[256]; /* Replay-Nonce, "" when absent or unusable */
	char location[2049]; /* "" when absent */
	int64_t retry_after_s; /* 0: none */
	struct buf body;
};

void acme_answer_release(struct acme_answer *a);
#define _cleanup_answer_ _cleanup_(acme_answer_release)

/* ca_file: whom to trust instead of the host's list, or NULL. Copies. */
struct acme_http *acme_http_new(const char *ca_file);
void acme_http_free(struct acme_http *h);

/* GET without a body, POST of JOSE+JSON with one. 0 with any status; below 0 when there is no
 * answer: the words say why. */
int acme_http_perform(struct acme_http *h, const char *url, const char *body,
	struct acme_answer *ret, struct err *err);

#endif
