/* SPDX-License-Identifier: Apache-2.0
 *
 * Publishing: what is on disk, what the proxy is told, and what happens when it is not there. The
 * stand-in for the proxy answers from the same loop.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <ev.h>
#include <jansson.h>

#include "agent/edge/edge.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/sys/fd.h"
#include "lib/sys/file.h"
#include "lib/sys/sock.h"

struct fixture {
	struct ev_loop *loop;
	char dir[64];
	char *routes, *control, *certs, *ca;
	struct edge *edge;
	/* the stand-in */
	int listener, fd;
	struct ev_io acceptable, readable;
	struct buf in;
	json_int_t version; /* of what it has */
	unsigned applied;
	const char *status; /* what "releases" has */
	/* what came back */
	unsigned done;
	int result;
	struct edge_counts counts;
	unsigned waited, waited_after;
};

static void on_line(struct fixture *f, char *line)
{
	json_t *o = json_loads(line, 0, NULL);
	json_int_t id = json_integer_value(json_object_get(o, "id"));
	const json_t *table = json_object_get(o, "table");

	assert_non_null(o);
	if (table) {
		f->version = json_integer_value(json_object_get(table, "version"));
		f->applied++;
	}
	_cleanup_free_ char *answer =
		xasprintf("{\"id\":%lld,\"ok\":true,\"version\":%lld,\"releases\":[%s]}\n",
			(long long)id, (long long)f->version, f->status ? f->status : "");
	json_decref(o);
	assert_int_equal(fd_write_all(f->fd, answer, strlen(answer)), 0);
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fixture *f = w->data;
	char *newline;

	(void)events;
	if (fd_read(f->fd, &f->in, 65536) <= 0) {
		ev_io_stop(loop, w);
		(void)close(take_fd(&f->fd));
		return;
	}
	while (buf_len(&f->in) > 0 &&
		(newline = memchr(buf_data(&f->in), '\n', buf_len(&f->in))) != NULL) {
		*newline = '\0';
		size_t len = (size_t)(newline - buf_data(&f->in)) + 1;
		on_line(f, buf_data(&f->in));
		buf_consume(&f->in, len);
	}
}

static void on_acceptable(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fixture *f = w->data;

	(void)events;
	f->fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	ev_io_init(&f->readable, on_readable, f->fd, EV_READ);
	f->readable.data = f;
	ev_io_start(loop, &f->readable);
}

static void start_proxy(struct fixture *f)
{
	f->listener = sock_listen_unix(f->control, SOCK_STREAM, 0600, NULL);
	ev_io_init(&f->acceptable, on_acceptable, f->listener, EV_READ);
	f->acceptable.data = f;
	ev_io_start(f->loop, &f->acceptable);
}

static void start_edge(struct fixture *f)
{
	const struct edge_config config = {.routes_path = f->routes,
		.control_path = f->control,
		.certs_dir = f->certs,
		.ca_dir = f->ca,
		.admin_host = "berth.localhost",
		.agent_socket = "/run/berth/api.sock",
		.https_port = 8443};
	f->edge = edge_new(f->loop, &config, NULL);
	assert_non_null(f->edge);
}

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->loop = ev_loop_new(0);
	f->listener = f->fd = -1;
	f->in = BUF_INIT(1u << 20);
	(void)snprintf(f->dir, sizeof f->dir, "/tmp/berth-edge.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->routes = xasprintf("%s/routes.json", f->dir);
	f->control = xasprintf("%s/proxy.sock", f->dir);
	f->certs = xasprintf("%s/certs", f->dir);
	f->ca = xasprintf("%s/ca", f->dir);
	assert_int_equal(mkdir(f->certs, 0700), 0);
	start_edge(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	edge_free(f->edge);
	if (f->fd >= 0) {
		ev_io_stop(f->loop, &f->readable);
		(void)close(f->fd);
	}
	if (f->listener >= 0) {
		ev_io_stop(f->loop, &f->acceptable);
		(void)close(f->listener);
	}
	buf_free(&f->in);
	ev_loop_destroy(f->loop);
	(void)file_remove_tree(f->dir, NULL);
	free(f->routes);
	free(f->control);
	free(f->certs);
	free(f->ca);
	free(f);
	return 0;
}

static struct routes *make_table(const char *app, const char *hosts_json)
{
	_cleanup_free_ char *text =
		xasprintf("{\"version\":1,\"sites\":[{\"app\":\"%s\",\"release\":1,\"hosts\":[%s],"
			  "\"routes\":[{\"prefix\":\"/\",\"root\":\"/srv\"}]}]}",
			app, hosts_json);
	struct routes *table = NULL;
	struct err err;
	if (routes_parse(text, strlen(text), &table, &err) < 0)
		fail_msg("%s", err.msg);
	return table;
}

static void on_published(void *data, int result, const struct err *err)
{
	struct fixture *f = data;

	(void)err;
	f->done++;
	f->result = result;
	ev_break(f->loop, EVBREAK_ALL);
}

static void publish(struct fixture *f, const char *hosts)
{
	struct err err;
	if (edge_publish(f->edge, make_table("shop", hosts), on_published, f, &err) < 0)
		fail_msg("%s", err.msg);
}

static json_t *routes_on_disk(struct fixture *f)
{
	json_t *o = json_load_file(f->routes, 0, NULL);
	assert_non_null(o);
	return o;
}

static void test_a_table_is_completed(void **state)
{
	struct fixture *f = *state;

	start_proxy(f);
	publish(f, "\"shop.localhost\",\"www.example.com\"");
	ev_run(f->loop, 0);
	assert_int_equal(f->result, 0);
	json_t *o = routes_on_disk(f);
	/* A site for each host and the admin site, each with a certificate. */
	assert_int_equal(json_array_size(json_object_get(o, "sites")), 3);
	assert_int_equal(json_array_size(json_object_get(o, "certificates")), 3);
	assert_int_equal(json_integer_value(json_object_get(o, "version")), f->version);
	json_decref(o);
}

static void test_versions_grow_across_restarts(void **state)
{
	struct fixture *f = *state;

	start_proxy(f);
	publish(f, "\"a.localhost\"");
	ev_run(f->loop, 0);
	json_int_t before = f->version;
	edge_free(f->edge);
	start_edge(f);
	publish(f, "\"a.localhost\"");
	ev_run(f->loop, 0);
	assert_true(f->version > before);
	/* An unreadable file does not take them back. */
	before = f->version;
	edge_free(f->edge);
	assert_int_equal(file_replace(f->routes, "{", 1, 0600, NULL), 0);
	start_edge(f);
	publish(f, "\"a.localhost\"");
	ev_run(f->loop, 0);
	assert_true(f->version > before);
}

static void test_without_a_proxy_the_file_is_there_and_it_gets_the_table_later(void **state)
{
	struct fixture *f = *state;

	publish(f, "\"a.localhost\"");
	json_t *o = routes_on_disk(f);
	json_decref(o);
	edge_free(f->edge);
	start_edge(f);
	/* Another agent's life: the proxy comes up with an old table and is told. */
	start_proxy(f);
	while (f->applied == 0)
		ev_run(f->loop, EVRUN_ONCE);
	assert_int_equal(f->version, 1);
}

static void test_certificates_are_kept(void **state)
{
	struct fixture *f = *state;

	start_proxy(f);
	publish(f, "\"a.localhost\"");
	ev_run(f->loop, 0);
	json_t *before = routes_on_disk(f);
	edge_free(f->edge);
	start_edge(f);
	publish(f, "\"a.localhost\"");
	ev_run(f->loop, 0);
	json_t *after = routes_on_disk(f);
	assert_true(json_equal(
		json_object_get(before, "certificates"), json_object_get(after, "certificates")));
	json_decref(before);
	json_decref(after);
}

static void test_the_admin_host_is_not_given_away(void **state)
{
	struct fixture *f = *state;

	start_proxy(f);
	publish(f, "\"berth.localhost\",\"a.localhost\"");
	ev_run(f->loop, 0);
	json_t *o = routes_on_disk(f), *site;
	size_t i;
	json_array_foreach (json_object_get(o, "sites"), i, site) {
		const char *app = json_string_value(json_object_get(site, "app"));
		const char *host =
			json_string_value(json_array_get(json_object_get(site, "hosts"), 0));
		assert_int_equal(streq(host, "berth.localhost"), streq(app, ""));
	}
	json_decref(o);
}

static void on_waited(void *data, int result)
{
	struct fixture *f = data;

	f->waited++;
	f->waited_after = f->done;
	f->result = result;
}

static void test_waiting_for_what_was_published(void **state)
{
	struct fixture *f = *state;

	/* Nothing is under way: done, but not from within the call. */
	(void)edge_wait(f->edge, on_waited, f);
	assert_int_equal(f->waited, 0);
	ev_run(f->loop, EVRUN_ONCE);
	assert_int_equal(f->waited, 1);

	publish(f, "\"a.localhost\"");
	(void)edge_wait(f->edge, on_waited, f);
	struct barrier *nobody = edge_wait(f->edge, on_waited, f);
	publish(f, "\"b.localhost\"");
	edge_wait_cancel(nobody);
	start_proxy(f);
	while (f->done < 2 || f->waited < 2)
		ev_run(f->loop, EVRUN_ONCE);
	assert_int_equal(f->waited, 2);
	assert_in_range(f->waited_after, 1, 2);
	/* One that still waits at the end is forgotten with the edge. */
	publish(f, "\"a.localhost\"");
	(void)edge_wait(f->edge, on_waited, f);
}

static void on_counts(void *data, int result, const struct edge_counts *counts)
{
	struct fixture *f = data;

	f->result = result;
	f->counts = *counts;
	ev_break(f->loop, EVBREAK_ALL);
}

static void test_counts(void **state)
{
	struct fixture *f = *state;

	f->status = "{\"app\":\"shop\",\"release\":6,\"inflight\":1,\"requests\":900,"
		    "\"errors_5xx\":2}";
	start_proxy(f);
	assert_int_equal(edge_counts(f->edge, "shop", 6, on_counts, f), 0);
	ev_run(f->loop, 0);
	assert_int_equal(f->result, 0);
	assert_true(f->counts.known);
	assert_int_equal(f->counts.requests, 900);
	assert_int_equal(f->counts.errors_5xx, 2);
	assert_int_equal(edge_counts(f->edge, "shop", 7, on_counts, f), 0);
	ev_run(f->loop, 0);
	assert_false(f->counts.known);
}

static void test_urls(void **state)
{
	struct fixture *f = *state;
	char url[64];

	edge_url(f->edge, "shop.localhost", url, sizeof url);
	assert_string_equal(url, "https://shop.localhost:8443");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_table_is_completed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_versions_grow_across_restarts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_without_a_proxy_the_file_is_there_and_it_gets_the_table_later, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_certificates_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_admin_host_is_not_given_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_waiting_for_what_was_published, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_urls, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
