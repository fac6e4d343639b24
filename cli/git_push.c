/* SPDX-License-Identifier: Apache-2.0
 *
 * Pushing a snapshot: libgit2's smart protocol over the CLI's own HTTP client, so that a push takes
 * the same way (UNIX socket, token, authorities) as every other request.
 *
 * libgit2 pushes refs of a repository, and the person's must not get new ones: the push starts from
 * an empty bare repository in the temporary folder, which borrows the objects.
 */
#include <errno.h>
#include <git2/sys/repository.h>
#include <git2/sys/transport.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/git_internal.h"
#include "cli/http.h"
#include "lib/base/str.h"

#define MESSAGE_MAX 8192

struct call {
	struct http_client *http;
	const char *app;
	const struct source_progress *progress;
	struct buf line; /* of remote messages, until its newline comes */
	size_t objects, objects_total, bytes;
	bool is_refused;
	struct err err; /* the first thing that went wrong, in our words */
	int result;
};

/* The smart transport's view: one object for the connection, one for each request. */
struct subtransport {
	git_smart_subtransport parent;
	struct call *call;
};

struct stream {
	git_smart_subtransport_stream parent;
	struct call *call;
	struct http_stream *http;
};

/* Errors travel beside libgit2, whose own have no codes and one line. */
static int fail(struct call *c, int code)
{
	if (c->result == 0)
		c->result = code;
	git_error_set_str(GIT_ERROR_NET, c->err.msg);
	return -1;
}

static int code_of_status(unsigned status)
{
	switch (status) {
	case 401:
	case 403:
		return EACCES;
	case 503:
		return EBUSY;
	case 507:
		return ENOSPC;
	default:
		return EPROTO;
	}
}

/* Words of the API's error object, when the answer was one. */
static void explain_status(struct call *c, const struct http_response *response)
{
	json_t *body = json_loadb(buf_data(&response->body), buf_len(&response->body), 0, NULL);
	const json_t *e = json_object_get(body, "error");
	const char *words = json_string_value(json_object_get(e, "message"));
	const char *hint = json_string_value(json_object_get(e, "hint"));
	int code = code_of_status((unsigned)response->status);

	if (words)
		(void)err_set(&c->err, code, "%s%s%s", words, hint ? "; " : "", hint ? hint : "");
	else
		(void)err_set(&c->err, code, "the agent answered a push with status %u",
			response->status);
	json_decref(body);
}

static int on_read(git_smart_subtransport_stream *base, char *to, size_t size, size_t *ret_len)
{
	struct stream *s = container_of(base, struct stream, parent);
	ssize_t n = http_stream_read(s->http, to, size, &s->call->err);

	if (n < 0) {
		const struct http_response *response = http_stream_response(s->http);
		if (n == -EPROTO && response && response->status >= 300)
			explain_status(s->call, response);
		return fail(s->call, -s->call->err.code);
	}
	*ret_len = (size_t)n;
	return 0;
}

static int on_write(git_smart_subtransport_stream *base, const char *data, size_t len)
{
	struct stream *s = container_of(base, struct stream, parent);
	int r = http_stream_write(s->http, data, len, &s->call->err);

	return r < 0 ? fail(s->call, r) : 0;
}

static void on_stream_free(git_smart_subtransport_stream *base)
{
	struct stream *s = container_of(base, struct stream, parent);

	http_stream_close(s->http);
	free(s);
}

static int on_action(git_smart_subtransport_stream **ret, git_smart_subtransport *base,
	const char *url, git_smart_service_t service)
{
	struct subtransport *t = container_of(base, struct subtransport, parent);
	struct stream *s = xnew(struct stream);
	bool is_listing = service == GIT_SERVICE_RECEIVEPACK_LS;
	static const struct http_header headers[] = {
		{"Content-Type", "application/x-git-receive-pack-request"},
		{"Accept", "application/x-git-receive-pack-result"},
	};
	_cleanup_free_ char *path =
		xasprintf(is_listing ? "/git/%s.git/info/refs?service=git-receive-pack"
				     : "/git/%s.git/git-receive-pack",
			t->call->app);
	const struct http_request request = {
		.method = is_listing ? "GET" : "POST",
		.path = path,
		.headers = headers,
		.header_count = is_listing ? 0 : ARRAY_SIZE(headers),
	};

	(void)url;
	s->parent = (git_smart_subtransport_stream){
		.subtransport = base, .read = on_read, .write = on_write, .free = on_stream_free};
	s->call = t->call;
	int r = http_stream_open(t->call->http, &request, &s->http, &t->call->err);
	if (r < 0) {
		free(s);
		return fail(t->call, r);
	}
	*ret = &s->parent;
	return 0;
}

static int on_close(git_smart_subtransport *base)
{
	(void)base;
	return 0;
}

static void on_free(git_smart_subtransport *base)
{
	free(container_of(base, struct subtransport, parent));
}

static int on_subtransport(git_smart_subtransport **ret, git_transport *owner, void *data)
{
	struct subtransport *t = xnew(struct subtransport);

	(void)owner;
	t->parent =
		(git_smart_subtransport){.action = on_action, .close = on_close, .free = on_free};
	t->call = data;
	*ret = &t->parent;
	return 0;
}

static int on_transport(git_transport **ret, git_remote *owner, void *data)
{
	git_smart_subtransport_definition definition = {on_subtransport, 1, data};

	return git_transport_smart(ret, owner, &definition);
}

static void show_progress(struct call *c)
{
	if (c->progress && c->progress->on_progress)
		c->progress->on_progress(c->progress->data, c->objects, c->objects_total, c->bytes);
}

static int on_counted(int stage, uint32_t current, uint32_t total, void *data)
{
	struct call *c = data;

	(void)total;
	c->objects = stage == GIT_PACKBUILDER_ADDING_OBJECTS ? current : 0;
	show_progress(c);
	return 0;
}

static int on_sent(unsigned current, unsigned total, size_t bytes, void *data)
{
	struct call *c = data;

	c->objects = current;
	c->objects_total = total;
	c->bytes = bytes;
	show_progress(c);
	return 0;
}

static int on_message(const char *text, int len, void *data)
{
	struct call *c = data;

	if (!c->progress || !c->progress->on_message)
		return 0;
	for (int i = 0; i < len; i++) {
		if (text[i] != '\n' && text[i] != '\r') {
			(void)!buf_append(&c->line, text + i, 1);
			continue;
		}
		const char *line = buf_cstr(&c->line);
		if (line && line[0] != '\0')
			c->progress->on_message(c->progress->data, line);
		buf_clear(&c->line);
	}
	return 0;
}

static int on_ref_status(const char *ref, const char *problem, void *data)
{
	struct call *c = data;

	(void)ref;
	if (problem) {
		c->is_refused = true;
		c->result = err_set(&c->err, EPROTO, "the agent refused the push: %s", problem);
	}
	return 0;
}

static bool has_commit(git_remote *remote, const char *commit)
{
	const git_remote_head **heads = NULL;
	size_t count = 0;

	if (git_remote_ls(&heads, &count, remote) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(git_oid_tostr_s(&heads[i]->oid), commit) == 0)
			return true;
	return false;
}

static int push_failed(struct call *c, struct err *err)
{
	if (c->result < 0) {
		*err = c->err;
		return c->result;
	}
	return source_err(err, "cannot push to the agent");
}

static int run_push(
	struct call *c, git_remote *remote, const char *commit, bool *ret_sent, struct err *err)
{
	_cleanup_free_ char *refspec =
		xasprintf("+refs/berth/push/%s:refs/berth/push/%s", commit, commit);
	char *specs[] = {refspec};
	const git_strarray refspecs = {specs, 1};
	git_push_options options;

	must(git_push_options_init(&options, GIT_PUSH_OPTIONS_VERSION) == 0);
	options.pb_parallelism = 0; /* as many threads as there are processors */
	options.callbacks.transport = on_transport;
	options.callbacks.pack_progress = on_counted;
	options.callbacks.push_transfer_progress = on_sent;
	options.callbacks.sideband_progress = on_message;
	options.callbacks.push_update_reference = on_ref_status;
	options.callbacks.payload = c;
	if (git_remote_connect(remote, GIT_DIRECTION_PUSH, &options.callbacks, NULL, NULL) < 0)
		return push_failed(c, err);
	*ret_sent = !has_commit(remote, commit);
	if (*ret_sent && (git_remote_upload(remote, &refspecs, &options) < 0 || c->is_refused))
		return push_failed(c, err);
	return 0;
}

/* The bare repository that has the one ref. */
static int make_sender(struct source *s, git_repository **ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/push.git", s->temporary);
	_cleanup_free_ char *ref = xasprintf("refs/berth/push/%s", s->commit.commit);
	git_reference *made = NULL;
	git_oid id;

	(void)git_oid_fromstr(&id, s->commit.commit);
	if (git_repository_init(ret, path, 1) < 0 || git_repository_set_odb(*ret, s->odb) < 0 ||
		git_reference_create(&made, *ret, ref, &id, 1, NULL) < 0)
		return source_err(err, "cannot prepare the push");
	git_reference_free(made);
	return 0;
}

int source_push(struct source *s, struct http_client *http, const char *app,
	const struct source_progress *progress, bool *ret_sent, struct err *err)
{
	struct call c = {
		.http = http, .app = app, .progress = progress, .line = BUF_INIT(MESSAGE_MAX)};
	git_repository *sender = NULL;
	git_remote *remote = NULL;

	must(s->commit.commit[0] != '\0');
	int r = make_sender(s, &sender, err);
	/* The URL is for messages; the transport is ours. */
	if (r == 0 && git_remote_create_anonymous(&remote, sender, "http://agent/app.git") < 0)
		r = source_err(err, "cannot prepare the push");
	if (r == 0)
		r = run_push(&c, remote, s->commit.commit, ret_sent, err);
	git_remote_free(remote);
	git_repository_free(sender);
	buf_free(&c.line);
	return r;
}
