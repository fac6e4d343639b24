/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 message heads: an incremental parser for requests and responses (RFC 9112 §2 to §6),
 * shared by the proxy, the agent's API and the health checks. Pure: bytes in, views out.
 *
 * Strict where a second reader could see something else: no bare CR or LF, no folding, no space
 * before the colon, one Host, one framing. Nothing is unescaped or rewritten.
 */
#ifndef BERTH_HTTP_HEAD_H
#define BERTH_HTTP_HEAD_H

#include "lib/base/str.h"

#define HTTP_FIELDS_MAX 100
#define HTTP_HEAD_BYTES_MAX 32768
#define HTTP_TARGET_BYTES_MAX 8192

struct http_field {
	struct str name; /* as sent; compare with str_ieq() */
	struct str value; /* without surrounding white space */
};

/* How the body is delimited (RFC 9112 §6.3). */
enum http_framing {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

struct http_head {
	/* requests */
	struct str method, target;
	/* The authority that routes, with its port: the target's in absolute form, else Host. Well
	 * formed; empty when the field is empty or, in HTTP/1.0, absent. */
	struct str host;
	struct str path; /* path of the target, "*" for OPTIONS *; without query */
	struct str query; /* behind '?', empty when none */
	/* responses */
	unsigned status;
	struct str reason;
	/* both */
	unsigned minor; /* HTTP/1.minor */
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t field_count;
	enum http_framing framing;
	uint64_t content_length; /* with HTTP_BODY_LENGTH */
	bool keep_alive; /* what the message says (RFC 9112 §9.3) */
	bool upgrade; /* Connection: upgrade and an Upgrade field (RFC 9110 §7.8) */
	bool expect_continue; /* Expect: 100-continue (RFC 9110 §10.1.1) */
};

/* Looks for a whole head in data[0..len). Returns its length in bytes (> 0) and fills *ret with
 * views into data; 0 when more bytes are needed; a negative HTTP status when it is refused (-400,
 * -414, -431, -501, -505), with a few words in *ret_why. Empty lines before a request line are
 * skipped (RFC 9112 §2.2). The caller keeps `data` in place as long as it uses the views. */
ssize_t http_parse_request(
	const char *data, size_t len, struct http_head *ret, const char **ret_why);

/* The same for a response. `method` is the request's: it decides the framing. A refused response
 * is -502. Interim responses (1xx) are heads of their own. */
ssize_t http_parse_response(const char *data, size_t len, struct str method, struct http_head *ret,
	const char **ret_why);

/* First field of that name; NULL when absent. */
const struct http_field *http_find(const struct http_head *head, const char *name);

/* Is `token` a member of the comma list of any field of that name (case-insensitive)? */
bool http_has_token(const struct http_head *head, const char *name, const char *token);

/* "example.com:8443" or "[::1]:80" to name and port (empty when absent); either result may be NULL.
 * False when it is not a host and an optional port (RFC 9110 §7.2; user information is refused). */
bool http_authority_split(struct str authority, struct str *ret_name, struct str *ret_port);

#endif
