/* SPDX-License-Identifier: Apache-2.0
 *
 * What a CA says (RFC 8555 §7.1), read from JSON that is not trusted: addresses are https ones,
 * tokens are base64url, everything else is ignored. Pure. Texts belong to the document's `json`.
 */
#ifndef BERTH_ACME_DOCUMENT_H
#define BERTH_ACME_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

#define ACME_AUTHORIZATIONS_MAX 100
#define ACME_PROBLEM_PREFIX "urn:ietf:params:acme:error:"

enum acme_status {
	ACME_PENDING,
	ACME_READY,
	ACME_PROCESSING,
	ACME_VALID,
	ACME_INVALID, /* also: deactivated, expired, revoked, and what is unknown */
};

/* RFC 9457 / RFC 8555 §6.7. An absent text is "". */
struct acme_problem {
	char type[96]; /* without the prefix of ACME's own types: "badNonce" */
	char detail[384]; /* the CA's words; control characters are spaces */
};

struct acme_directory {
	json_t *json;
	const char *new_nonce, *new_account, *new_order;
	const char *terms; /* NULL: none */
	bool needs_external_account;
};

struct acme_order {
	json_t *json;
	enum acme_status status;
	const char *finalize, *certificate; /* certificate: NULL until it is there */
	const char *authorizations[ACME_AUTHORIZATIONS_MAX];
	size_t authorization_count;
	struct acme_problem error;
};

struct acme_authorization {
	json_t *json;
	enum acme_status status;
	const char *url, *token; /* of its HTTP-01 challenge; NULL: there is none */
	struct acme_problem error; /* of the challenge that failed */
};

int acme_directory_parse(struct str text, struct acme_directory *ret, struct err *err);
int acme_order_parse(struct str text, struct acme_order *ret, struct err *err);
int acme_authorization_parse(struct str text, struct acme_authorization *ret, struct err *err);
/* Whatever an error's body is: what is no problem document has no type and no words. */
void acme_problem_parse(struct str text, struct acme_problem *ret);

/* Seconds to wait, from a Retry-After field in either form (RFC 9110 §10.2.3), bounded to a year;
 * 0 when there is none that can be read, or it is past. */
int64_t acme_retry_after(struct str field, int64_t now_seconds);

#endif
