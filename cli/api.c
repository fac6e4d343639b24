/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's API.
 */
#include "cli/api.h"

#include <errno.h>
#include <stdarg.h>

#include "lib/base/str.h"

static int fail(struct failure *f, int exit_code, const char *hint, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

static int fail(struct failure *f, int exit_code, const char *hint, const char *fmt, ...)
{
	va_list ap;
	*f = (struct failure){.exit = exit_code};
	va_start(ap, fmt);
	(void)vsnprintf(f->message, sizeof f->message, fmt, ap);
	va_end(ap);
	(void)snprintf(f->hint, sizeof f->hint, "%s", hint ? hint : "");
	return exit_code;
}

int api_transport_failure(int r, const struct err *err, struct failure *ret)
{
	switch (-r) {
	case EACCES:
		return fail(ret, CLI_NOT_ALLOWED,
			"members of the group \"berth\" and root may talk to this socket", "%s",
			err->msg);
	case EKEYREJECTED:
		return fail(ret, CLI_UNREACHABLE,
			"give its CA with BERTH_CA_FILE, or keep it: berth init --host URL --ca FILE",
			"%s", err->msg);
	case EINTR:
	case ECANCELED:
		return fail(ret, CLI_INTERRUPTED, NULL, "interrupted");
	case ECONNREFUSED:
	case ETIMEDOUT:
		return fail(ret, CLI_UNREACHABLE,
			"is the agent running there? 'berth doctor' says more", "%s", err->msg);
	default:
		return fail(ret, CLI_UNREACHABLE, NULL, "%s", err->msg);
	}
}

static int exit_of_status(unsigned status)
{
	switch (status) {
	case 400:
	case 405:
	case 413:
	case 422:
		return CLI_USAGE;
	case 401:
	case 403:
		return CLI_NOT_ALLOWED;
	case 404:
		return CLI_NOT_FOUND;
	case 409:
		return CLI_CONFLICT;
	case 502:
	case 503:
	case 504:
		return CLI_UNREACHABLE;
	default:
		return CLI_BUG;
	}
}

static void copy_member(const json_t *object, const char *key, char *to, size_t size)
{
	const char *s = json_string_value(json_object_get(object, key));
	(void)snprintf(to, size, "%s", s ? s : "");
}

/* An answer that is not 2xx: the agent's error object, or, when something else answered (a proxy
 * page), its status. */
static int fail_status(
	const struct http_client *http, const struct http_response *r, struct failure *f)
{
	json_auto_t *j = json_loadb(
		buf_data(&r->body) ? buf_data(&r->body) : "", buf_len(&r->body), 0, NULL);
	const json_t *e = json_object_get(j, "error");
	int exit_code = exit_of_status(r->status);
	if (!json_is_object(e))
		return fail(f, exit_code,
			r->status == 401 ? "store a token with: berth init --host URL --token -"
			: r->status == 404 || r->status == 421 || r->status == 405
				? "is this the agent's own host name? It is not the one of an app"
				: NULL,
			"%s answered with status %u", http_client_name(http), r->status);
	json_int_t code = json_integer_value(json_object_get(e, "exit"));
	*f = (struct failure){.exit = code > 0 && code < 256 ? (int)code : exit_code};
	copy_member(e, "code", f->code, sizeof f->code);
	copy_member(e, "message", f->message, sizeof f->message);
	copy_member(e, "hint", f->hint, sizeof f->hint);
	if (!f->message[0])
		(void)snprintf(f->message, sizeof f->message, "the agent answered with status %u",
			r->status);
	return f->exit;
}

static int parse_answer(const struct http_client *http, const struct http_response *r,
	struct api_answer *ret, struct failure *f)
{
	*ret = (struct api_answer){.status = r->status, .date_ms = r->date_ms};
	if (buf_len(&r->body) == 0)
		return CLI_OK;
	ret->json = json_loadb(buf_data(&r->body), buf_len(&r->body), JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(ret->json))
		return CLI_OK;
	api_answer_clear(ret);
	return fail(f, CLI_UNREACHABLE, "is this the address of a Berth agent?",
		"%s answered with something that is not JSON", http_client_name(http));
}

int api_call(struct http_client *http, const struct api_request *request, struct api_answer *ret,
	struct failure *ret_failure)
{
	_cleanup_free_ char *text = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;
	struct http_header type = {"Content-Type", "application/json"};
	struct http_request q = {.method = request->method,
		.path = request->path,
		.body = text,
		.body_len = text ? strlen(text) : 0,
		.headers = &type,
		.header_count = text ? 1 : 0,
		.timeout_ms = API_TIMEOUT_MS};
	struct http_response r;
	struct err err = {0};
	int exit_code;
	int k = http_perform(http, &q, &r, &err);
	if (k < 0)
		exit_code = api_transport_failure(k, &err, ret_failure);
	else if (r.status / 100 != 2)
		exit_code = fail_status(http, &r, ret_failure);
	else
		exit_code = parse_answer(http, &r, ret, ret_failure);
	if (text)
		explicit_bzero(text, strlen(text)); /* tokens and values of the environment */
	http_response_free(&r);
	return exit_code;
}

void api_answer_clear(struct api_answer *a)
{
	json_decref(a->json);
	*a = (struct api_answer){0};
}

struct line_reader {
	const struct api_lines *lines;
	struct buf partial;
	bool is_too_long; /* the line that is being read: forgotten up to its end */
};

static int end_line(struct line_reader *r)
{
	struct str line = {buf_data(&r->partial), buf_len(&r->partial)};
	bool is_whole = !r->is_too_long && line.len > 0;
	int k = is_whole ? r->lines->on_line(r->lines->data, line) : 0;
	buf_clear(&r->partial);
	r->is_too_long = false;
	return k;
}

static int on_bytes(void *data, const char *p, size_t n)
{
	struct line_reader *r = data;
	struct str rest = {p, n};
	while (rest.len > 0) {
		const char *end = memchr(rest.p, '\n', rest.len);
		size_t take = end ? (size_t)(end - rest.p) : rest.len;
		if (buf_append(&r->partial, rest.p, take) < 0)
			r->is_too_long = true;
		rest = (struct str){rest.p + take + !!end, rest.len - take - !!end};
		int k = end ? end_line(r) : 0;
		if (k < 0)
			return k;
	}
	return 0;
}

int api_stream(struct http_client *http, const char *path, const struct api_lines *lines,
	struct api_stream_end *ret_end, struct failure *ret_failure)
{
	struct line_reader reader = {.lines = lines, .partial = BUF_INIT(API_LINE_MAX)};
	struct http_request q = {
		.method = "GET", .path = path, .on_body = on_bytes, .data = &reader};
	struct http_response r;
	struct err err = {0};
	int exit_code = CLI_OK;
	int k = http_perform(http, &q, &r, &err);
	*ret_end = (struct api_stream_end){
		.is_broken = k == -ECONNRESET || k == -ECONNREFUSED || k == -ETIMEDOUT,
		.was_answered = r.status / 100 == 2};
	if (k < 0)
		exit_code = api_transport_failure(k, &err, ret_failure);
	else if (r.status / 100 != 2) {
		exit_code = fail_status(http, &r, ret_failure);
		ret_end->is_broken = r.status == 502 || r.status == 503 || r.status == 504;
	}
	http_response_free(&r);
	buf_free(&reader.partial);
	return exit_code;
}
