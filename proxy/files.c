/* SPDX-License-Identifier: Apache-2.0
 *
 * Static files: small ones travel with their head, large ones by sendfile(2), or through a buffer
 * where the bytes must be encrypted first.
 */
#include "proxy/files.h"

#include <errno.h>

#include "proxy/static.h"

#define SENDFILE_BYTES_MAX (512u << 10) /* in one go: others in the loop must get their turn */

struct files {
	struct corpse corpse;
	struct static_response response;
	uint64_t offset, left;
};

static void destroy(struct corpse *c)
{
	free(container_of(c, struct files, corpse));
}

static void release(struct exchange *x)
{
	struct files *f = x->state;

	static_response_release(&f->response);
	f->response.fd = -1;
	x->state = NULL;
	worker_bury(x->worker, &f->corpse, destroy);
}

/* Sends until the client is congested or the file ends. */
static void stream(struct exchange *x)
{
	struct files *f = x->state;
	char *buffer = x->worker->upstream_scratch;

	while (f->left > 0) {
		size_t want = f->left < WORKER_READ_BYTES ? (size_t)f->left : WORKER_READ_BYTES;
		ssize_t n = pread(f->response.fd, buffer, want, (off_t)f->offset);
		if (n <= 0) {
			/* The file was truncated under us, or the disk failed. */
			exchange_fail(x, 500);
			return;
		}
		f->offset += (uint64_t)n;
		f->left -= (uint64_t)n;
		bool flows = exchange_send(x, buffer, (size_t)n, f->left == 0);
		if (!x->active || x->state != f)
			return;
		if (!flows && f->left > 0)
			return;
	}
	exchange_end(x);
}

static void stream_from_kernel(struct exchange *x)
{
	struct files *f = x->state;

	while (f->left > 0) {
		size_t want = f->left < SENDFILE_BYTES_MAX ? (size_t)f->left : SENDFILE_BYTES_MAX;
		ssize_t n = x->client->send_file(x, f->response.fd, f->offset, want);
		if (!x->active || x->state != f || n == -EAGAIN)
			return;
		if (n <= 0) {
			exchange_fail(x, 500);
			return;
		}
		f->offset += (uint64_t)n;
		f->left -= (uint64_t)n;
	}
	exchange_end(x);
}

static bool uses_kernel(const struct exchange *x, const struct files *f)
{
	/* A small file is cheaper copied: its head goes in the same packet. */
	return x->can_sendfile && f->response.length > WORKER_READ_BYTES;
}

static void on_resume(struct exchange *x)
{
	struct files *f = x->state;

	if (f->response.fd < 0)
		return;
	if (uses_kernel(x, f))
		stream_from_kernel(x);
	else
		stream(x);
}

static const struct exchange_source source = {
	.on_resume = on_resume,
	.release = release,
};

/* A field that counts only when it was sent once. */
static struct str single(const struct http_head *head, const char *name)
{
	struct str wanted = str_from(name), value = {0};
	size_t n = 0;

	for (size_t i = 0; i < head->field_count; i++) {
		if (!str_ieq(head->fields[i].name, wanted))
			continue;
		value = head->fields[i].value;
		n++;
	}
	return n == 1 ? value : (struct str){0};
}

static struct str first(const struct http_head *head, const char *name)
{
	const struct http_field *f = http_find(head, name);
	return f ? f->value : (struct str){0};
}

static void ask(const struct http_head *head, const struct route *route, int root,
	struct static_response *ret)
{
	const struct static_request request = {
		.root = root,
		.prefix = route->strip_prefix ? str_from(route->prefix) : (struct str){0},
		.fallback = route->fallback,
		.method = head->method,
		.path = head->path,
		.query = head->query,
		.if_match = single(head, "if-match"),
		.if_none_match = first(head, "if-none-match"),
		.if_modified_since = single(head, "if-modified-since"),
		.if_unmodified_since = single(head, "if-unmodified-since"),
		.range = single(head, "range"),
		.if_range = single(head, "if-range"),
		.accept_encoding = first(head, "accept-encoding"),
	};

	static_respond(&request, ret);
}

struct field_list {
	struct http_field fields[12];
	size_t count;
};

static void add(struct field_list *list, struct str name, const char *value)
{
	if (!value || !*value)
		return;
	must(list->count < ARRAY_SIZE(list->fields));
	list->fields[list->count++] = (struct http_field){name, str_from(value)};
}

static void respond(struct exchange *x, struct files *f)
{
	const struct static_response *r = &f->response;
	struct field_list list = {.count = 0};
	struct response_head head = {.status = r->status};

	add(&list, STR("Content-Type"), r->content_type);
	add(&list, STR("Content-Encoding"), r->content_encoding);
	add(&list, STR("Cache-Control"), r->cache_control);
	add(&list, STR("Vary"), r->vary);
	add(&list, STR("Accept-Ranges"), r->accept_ranges);
	add(&list, STR("ETag"), r->etag);
	add(&list, STR("Last-Modified"), r->last_modified);
	add(&list, STR("Content-Range"), r->content_range);
	head.fields = list.fields;
	head.field_count = list.count;
	head.body = r->fd >= 0 ? RESPONSE_LENGTH : RESPONSE_NO_BODY;
	head.has_length = r->status != 304;
	head.length = r->length;
	exchange_respond(x, &head);
	if (!x->active)
		return;
	if (r->fd < 0 || f->left == 0)
		exchange_end(x);
	else
		on_resume(x);
}

/* There is no file behind the answer: a neutral page with the fields that belong to it. */
static void respond_page(struct exchange *x, const struct static_response *r)
{
	struct field_list list = {.count = 0};
	unsigned status = r->status;

	add(&list, STR("Allow"), r->allow);
	add(&list, STR("Location"), r->location);
	add(&list, STR("Content-Range"), r->content_range);
	exchange_page(x, status, list.fields, list.count);
}

void files_begin(
	struct exchange *x, const struct exchange_request *request, const struct route *route)
{
	const struct table_site *site = table_site(x->view->table, x->site);
	int root = site->roots[route - x->site->routes];

	if (root < 0) {
		exchange_page(x, 503, NULL, 0);
		return;
	}
	struct files *f = xnew(struct files);
	f->response.fd = -1;
	x->source = &source;
	x->state = f;
	ask(request->head, route, root, &f->response);
	f->offset = f->response.offset;
	f->left = f->response.length;
	if (f->response.has_file)
		respond(x, f);
	else
		respond_page(x, &f->response);
}
